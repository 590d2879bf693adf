// A sample for headers.py: it uses a type of <stdint.h> without including it.
uint32_t broken(void);
