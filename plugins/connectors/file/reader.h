// Reads one file into rows: opens it, finds its header, feeds its bytes to the parser of its
// format, and knows at which record it stands.
#ifndef FILE_READER_H
#define FILE_READER_H

#include "options.h"

// Where reading stands: the next record to read.
struct reader_place {
    uint64_t offset; // of uncompressed bytes
    uint64_t line;   // from 1
    uint64_t device; // the file itself, whatever its name; 0: not opened yet
    uint64_t number;
    uint32_t is_done;     // read to its end
    uint32_t is_skipping; // inside a line that is too long
};

struct reader;

// Opens the file at `place` (all zero: its start) to fill `rows`, which must outlive the reader.
// is_followed: an unfinished last line waits for its end. 0, or negative errno and a sentence.
int reader_open(const struct file_options *options, const char *path, struct rows *rows,
                const struct reader_place *place, int is_followed, struct reader **out,
                char sentence[FILE_SENTENCE_MAX]);
void reader_close(struct reader *reader); // NULL is fine

// What reader_read came to.
#define READER_ERROR (-1) // the sentence says why
#define READER_MORE 0     // call again
#define READER_FULL 1     // the rows are full
#define READER_BAD 2      // a record is bad: reader_bad
#define READER_END 3      // the end of the file

// Reads some more records into the rows: at most about 256 KiB.
int reader_read(struct reader *reader, char sentence[FILE_SENTENCE_MAX]);

// The record that READER_BAD is about; valid until the next call.
const struct parse_bad *reader_bad(const struct reader *reader);

// The record to be read next.
void reader_place(const struct reader *reader, struct reader_place *place);

// Bytes of the file that have been read so far.
uint64_t reader_seen(const struct reader *reader);

// A followed file is at its end: from now on its last line ends there, finished or not.
void reader_finish_last(struct reader *reader);

#endif
