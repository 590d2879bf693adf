#include "options.h"

#include <strings.h>

const char *const file_formats[] = {"csv", "ndjson", "msgpack", NULL};
const char *const file_compressions[] = {"none", "gzip", "zstd", "auto", NULL};

static int ends_with(const char *path, size_t size, const char *ending)
{
    size_t length = strlen(ending);
    return size >= length && strncasecmp(path + size - length, ending, length) == 0;
}

uint32_t file_compression_of(const char *path)
{
    size_t size = strlen(path);
    return ends_with(path, size, ".gz")                                      ? COMPRESSION_GZIP
           : ends_with(path, size, ".zst") || ends_with(path, size, ".zstd") ? COMPRESSION_ZSTD
                                                                             : COMPRESSION_NONE;
}

// The length of a name without the ending of its compression.
static size_t bare_size(const char *path)
{
    size_t size = strlen(path);
    return file_compression_of(path) == COMPRESSION_NONE ? size
                                                         : (size_t)(strrchr(path, '.') - path);
}

uint32_t file_format_of(const char *path)
{
    static const struct {
        const char *ending;
        uint32_t format;
    } endings[] = {{".csv", FORMAT_CSV},       {".tsv", FORMAT_CSV},
                   {".ndjson", FORMAT_NDJSON}, {".jsonl", FORMAT_NDJSON},
                   {".json", FORMAT_NDJSON},   {".msgpack", FORMAT_MSGPACK},
                   {".mpk", FORMAT_MSGPACK}};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        if (ends_with(path, bare_size(path), endings[i].ending)) {
            return endings[i].format;
        }
    }
    return FORMAT_UNKNOWN;
}

// One character of an option, '\0' if it is empty.
static int32_t read_sign(struct weir_context *context, const char *name, char initial, char *sign)
{
    const char *text = weir_option_string(context, name);
    *sign = text == NULL ? initial : text[0];
    if (text != NULL && (strlen(text) > 1 || *sign == '\n' || *sign == '\r' || (*sign & 0x80))) {
        return weir_fail(context, WEIR_ERROR_CONFIG,
                         "option `%s` is \"%s\", but must be a single ASCII character", name, text);
    }
    return WEIR_OK;
}

static int32_t read_dialect(struct weir_context *context, const char *path,
                            struct file_options *options)
{
    struct csv_dialect *dialect = &options->dialect;
    char initial = ends_with(path, bare_size(path), ".tsv") ? '\t' : ',';
    int32_t rc = read_sign(context, "delimiter", initial, &dialect->delimiter);
    rc = rc == WEIR_OK ? read_sign(context, "quote", '"', &dialect->quote) : rc;
    if (rc != WEIR_OK) {
        return rc;
    }
    if (dialect->delimiter == '\0' || dialect->delimiter == dialect->quote) {
        return weir_fail(context, WEIR_ERROR_CONFIG,
                         "option `delimiter` must be one character, and another than `quote`");
    }
    dialect->null_text = weir_option_string(context, "null");
    dialect->null_text = dialect->null_text == NULL ? "" : dialect->null_text;
    if (strpbrk(dialect->null_text, "\r\n") != NULL ||
        strchr(dialect->null_text, dialect->delimiter) != NULL ||
        (dialect->quote != '\0' && strchr(dialect->null_text, dialect->quote) != NULL)) {
        return weir_fail(context, WEIR_ERROR_CONFIG,
                         "option `null` is \"%s\", which holds a delimiter, quote or line end",
                         dialect->null_text);
    }
    return WEIR_OK;
}

int32_t file_options_read(struct weir_context *context, const char *path,
                          struct file_options *options)
{
    const struct weir_value *format = weir_option(context, "format");
    const struct weir_value *compression = weir_option(context, "compression");
    options->format =
        format->type == WEIR_VALUE_NONE ? file_format_of(path) : (uint32_t)format->choice;
    options->compression =
        compression->type == WEIR_VALUE_NONE ? COMPRESSION_AUTO : (uint32_t)compression->choice;
    options->has_header = weir_option_int(context, "header", 1) != 0;
    options->kind = weir_option_string(context, "kind");
    if (options->format == FORMAT_UNKNOWN) {
        return weir_fail(
            context, WEIR_ERROR_CONFIG,
            "the name %s does not tell the format: say format = \"csv\", \"ndjson\" or "
            "\"msgpack\"",
            path);
    }
    return read_dialect(context, path, options);
}
