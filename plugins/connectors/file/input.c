#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define RAW_BYTES (128u << 10)

struct input {
    char *path;
    int descriptor;
    int is_regular;
    uint32_t compression;
    int is_raw_end;    // no more raw bytes
    int is_frame_open; // inside a gzip member or zstd frame
    uint8_t *raw;
    size_t raw_at;
    size_t raw_size;
    uint64_t total; // uncompressed bytes handed out
    z_stream gzip;
    ZSTD_DCtx *zstd;
    struct stat info;
};

void input_explain(const char *path, const char *verb, int error, char sentence[FILE_SENTENCE_MAX])
{
    const char *remedy = ": see whether the disk is in order";
    switch (error) {
    case ENOENT:
        remedy = ": check the option `path` (a relative path starts at the folder weir runs in)";
        break;
    case EACCES:
    case EPERM:
        remedy = ": give the user that runs weir the right to it";
        break;
    case EISDIR:
        remedy = ": name a file, or several by a pattern like `folder/*.csv`";
        break;
    case EMFILE:
        remedy = ": raise the limit of open files (ulimit -n)";
        break;
    default:
        break;
    }
    snprintf(sentence, FILE_SENTENCE_MAX, "cannot %s %s: %s%s", verb, path, strerror(error),
             remedy);
}

static int fail(struct input *input, char sentence[FILE_SENTENCE_MAX], const char *what)
{
    snprintf(sentence, FILE_SENTENCE_MAX, "cannot read %s: %s (after %llu bytes of content)",
             input->path, what, (unsigned long long)input->total);
    return -1;
}

// Reads raw bytes into the emptied raw buffer.
static int fill_raw(struct input *input, char sentence[FILE_SENTENCE_MAX])
{
    ssize_t count;
    do {
        count = read(input->descriptor, input->raw, RAW_BYTES);
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        input_explain(input->path, "read", errno, sentence);
        return -1;
    }
    input->raw_at = 0;
    input->raw_size = (size_t)count;
    input->is_raw_end = count == 0;
    return 0;
}

static uint32_t tell_compression(const uint8_t *bytes, size_t size)
{
    if (size >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b) {
        return COMPRESSION_GZIP;
    }
    if (size >= 4 && memcmp(bytes, "\x28\xb5\x2f\xfd", 4) == 0) {
        return COMPRESSION_ZSTD;
    }
    return COMPRESSION_NONE;
}

static int start(struct input *input, uint32_t compression, char sentence[FILE_SENTENCE_MAX])
{
    if (fstat(input->descriptor, &input->info) != 0) {
        int error = errno;
        input_explain(input->path, "read", error, sentence);
        return -error;
    }
    if (S_ISDIR(input->info.st_mode)) {
        input_explain(input->path, "read", EISDIR, sentence);
        return -EISDIR;
    }
    input->is_regular = S_ISREG(input->info.st_mode);
    input->raw = malloc(RAW_BYTES);
    if (input->raw == NULL) {
        input_explain(input->path, "read", ENOMEM, sentence);
        return -ENOMEM;
    }
    if (fill_raw(input, sentence) != 0) {
        return -EIO;
    }
    input->compression = compression != COMPRESSION_AUTO
                             ? compression
                             : tell_compression(input->raw, input->raw_size);
    if (input->compression == COMPRESSION_GZIP && inflateInit2(&input->gzip, 15 + 16) != Z_OK) {
        input->compression = COMPRESSION_NONE;
        input_explain(input->path, "read", ENOMEM, sentence);
        return -ENOMEM;
    }
    if (input->compression == COMPRESSION_ZSTD && (input->zstd = ZSTD_createDCtx()) == NULL) {
        input_explain(input->path, "read", ENOMEM, sentence);
        return -ENOMEM;
    }
    return 0;
}

int input_open(const char *path, uint32_t compression, struct input **out,
               char sentence[FILE_SENTENCE_MAX])
{
    struct input *input = calloc(1, sizeof *input);
    char *copy = strdup(path);
    if (input == NULL || copy == NULL) {
        free(input);
        free(copy);
        input_explain(path, "read", ENOMEM, sentence);
        return -ENOMEM;
    }
    input->path = copy;
    input->descriptor = strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                                               : open(path, O_RDONLY | O_CLOEXEC);
    int rc = -errno;
    if (input->descriptor < 0) {
        input_explain(path, "read", -rc, sentence);
    } else {
        rc = start(input, compression, sentence);
    }
    if (rc != 0) {
        input_close(input);
        return rc;
    }
    *out = input;
    return 0;
}

void input_close(struct input *input)
{
    if (input == NULL) {
        return;
    }
    if (input->compression == COMPRESSION_GZIP) {
        inflateEnd(&input->gzip);
    }
    ZSTD_freeDCtx(input->zstd);
    if (input->descriptor >= 0) {
        close(input->descriptor);
    }
    free(input->raw);
    free(input->path);
    free(input);
}

uint32_t input_compression(const struct input *input)
{
    return input->compression;
}

void input_identity(const struct input *input, uint64_t *device, uint64_t *number)
{
    *device = input->info.st_dev;
    *number = input->info.st_ino;
}

static int64_t read_plain(struct input *input, void *bytes, size_t size,
                          char sentence[FILE_SENTENCE_MAX])
{
    size_t left = input->raw_size - input->raw_at;
    if (left > 0) {
        size_t count = left < size ? left : size;
        memcpy(bytes, input->raw + input->raw_at, count);
        input->raw_at += count;
        return (int64_t)count;
    }
    ssize_t count;
    do {
        count = read(input->descriptor, bytes, size);
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        input_explain(input->path, "read", errno, sentence);
    }
    return count;
}

// One step of inflating what is in the raw buffer. Bytes made, or -1.
static int64_t step_gzip(struct input *input, void *bytes, size_t size,
                         char sentence[FILE_SENTENCE_MAX])
{
    z_stream *gzip = &input->gzip;
    if (!input->is_frame_open) {
        inflateReset(gzip);
        input->is_frame_open = 1;
    }
    gzip->next_in = input->raw + input->raw_at;
    gzip->avail_in = (uInt)(input->raw_size - input->raw_at);
    gzip->next_out = bytes;
    gzip->avail_out = (uInt)size;
    int rc = inflate(gzip, Z_NO_FLUSH);
    input->raw_at = input->raw_size - gzip->avail_in;
    if (rc == Z_STREAM_END) {
        input->is_frame_open = 0;
    } else if (rc != Z_OK && rc != Z_BUF_ERROR) {
        return fail(input, sentence, gzip->msg != NULL ? gzip->msg : "the gzip data are damaged");
    }
    return (int64_t)(size - gzip->avail_out);
}

static int64_t step_zstd(struct input *input, void *bytes, size_t size,
                         char sentence[FILE_SENTENCE_MAX])
{
    ZSTD_inBuffer in = {input->raw, input->raw_size, input->raw_at};
    ZSTD_outBuffer out = {bytes, size, 0};
    size_t rc = ZSTD_decompressStream(input->zstd, &out, &in);
    if (ZSTD_isError(rc)) {
        return fail(input, sentence, ZSTD_getErrorName(rc));
    }
    input->raw_at = in.pos;
    input->is_frame_open = rc != 0;
    return (int64_t)out.pos;
}

static int64_t read_compressed(struct input *input, void *bytes, size_t size,
                               char sentence[FILE_SENTENCE_MAX])
{
    for (;;) {
        if (input->raw_at == input->raw_size && !input->is_raw_end &&
            fill_raw(input, sentence) != 0) {
            return -1;
        }
        if (input->is_raw_end && !input->is_frame_open) {
            return 0;
        }
        int64_t count = input->compression == COMPRESSION_GZIP
                            ? step_gzip(input, bytes, size, sentence)
                            : step_zstd(input, bytes, size, sentence);
        if (count != 0) {
            return count;
        }
        if (input->is_raw_end && input->is_frame_open) {
            return fail(input, sentence, "the compressed data end early: the file is cut off");
        }
    }
}

int64_t input_read(struct input *input, void *bytes, size_t size, char sentence[FILE_SENTENCE_MAX])
{
    size_t most = size < (1u << 30) ? size : (1u << 30);
    int64_t count = input->compression == COMPRESSION_NONE
                        ? read_plain(input, bytes, most, sentence)
                        : read_compressed(input, bytes, most, sentence);
    input->total += count > 0 ? (uint64_t)count : 0;
    return count;
}

int input_check_end(const struct input *input, char sentence[FILE_SENTENCE_MAX])
{
    struct stat now;
    if (!input->is_regular || fstat(input->descriptor, &now) != 0 ||
        now.st_size >= input->info.st_size) {
        return 0;
    }
    snprintf(sentence, FILE_SENTENCE_MAX,
             "%s was cut off while it was read: it had %lld bytes and has %lld; run again when it "
             "is whole, or say follow = true for a file that changes",
             input->path, (long long)input->info.st_size, (long long)now.st_size);
    return -1;
}

int input_skip(struct input *input, uint64_t offset, char sentence[FILE_SENTENCE_MAX])
{
    uint64_t size = (uint64_t)input->info.st_size;
    if (input->compression == COMPRESSION_NONE && input->is_regular && offset <= size) {
        input->raw_at = input->raw_size = 0;
        input->total = offset;
        return lseek(input->descriptor, (off_t)offset, SEEK_SET) < 0
                   ? fail(input, sentence, strerror(errno))
                   : 0;
    }
    char *scratch = malloc(RAW_BYTES);
    int64_t count = scratch == NULL ? fail(input, sentence, "no memory") : 1;
    while (count > 0 && input->total < offset) {
        uint64_t left = offset - input->total;
        count = input_read(input, scratch, left < RAW_BYTES ? left : RAW_BYTES, sentence);
    }
    free(scratch);
    if (count == 0) {
        snprintf(
            sentence, FILE_SENTENCE_MAX,
            "cannot go on reading %s at byte %llu, where the snapshot left it: the file has only "
            "%llu; put the file of that time back, or start without the snapshot",
            input->path, (unsigned long long)offset, (unsigned long long)input->total);
    }
    return count > 0 ? 0 : -1;
}
