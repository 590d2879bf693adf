#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define BUFFER_BYTES (256u << 10)

struct output {
    char *path;
    char *partial; // temporary name; NULL: direct
    int descriptor;
    uint32_t compression;
    uint64_t appended; // uncompressed
    uint64_t written;
    uint8_t *buffer;
    size_t size;
    z_stream gzip;
    ZSTD_CCtx *zstd;
};

static int fail(const struct output *output, const char *verb, int error,
                char sentence[FILE_SENTENCE_MAX])
{
    const char *path = strcmp(output->path, "-") == 0 ? "standard output" : output->path;
    int is_full = error == ENOSPC || error == EDQUOT || error == EFBIG;
    if (is_full && output->partial != NULL) {
        snprintf(
            sentence, FILE_SENTENCE_MAX,
            "cannot %s %s: %s after %llu bytes in %s: make room there or point `path` elsewhere, "
            "then run again; the unfinished file is kept under that name",
            verb, path, strerror(error), (unsigned long long)output->written, output->partial);
    } else if (is_full) {
        snprintf(sentence, FILE_SENTENCE_MAX,
                 "cannot %s %s: %s after %llu bytes: make room there or point `path` elsewhere, "
                 "then run again",
                 verb, path, strerror(error), (unsigned long long)output->written);
    } else if (error == EISDIR) {
        snprintf(sentence, FILE_SENTENCE_MAX, "cannot %s %s: %s: name a file in it", verb, path,
                 strerror(error));
    } else {
        input_explain(output->partial != NULL ? output->partial : path, verb, error, sentence);
    }
    return -error;
}

static int write_all(struct output *output, const uint8_t *bytes, size_t size,
                     char sentence[FILE_SENTENCE_MAX])
{
    while (size > 0) {
        ssize_t count = write(output->descriptor, bytes, size);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return fail(output, "write", errno, sentence);
        }
        output->written += (uint64_t)count;
        bytes += count;
        size -= (size_t)count;
    }
    return 0;
}

static int flush(struct output *output, char sentence[FILE_SENTENCE_MAX])
{
    size_t size = output->size;
    output->size = 0;
    return write_all(output, output->buffer, size, sentence);
}

// --- Opening ---

static int start_compression(struct output *output)
{
    if (output->compression == COMPRESSION_GZIP) {
        int rc = deflateInit2(&output->gzip, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8,
                              Z_DEFAULT_STRATEGY);
        return rc == Z_OK ? 0 : -ENOMEM;
    }
    if (output->compression == COMPRESSION_ZSTD) {
        output->zstd = ZSTD_createCCtx();
        return output->zstd != NULL ? 0 : -ENOMEM;
    }
    return 0;
}

static int is_direct(const char *path)
{
    struct stat info;
    return strcmp(path, "-") == 0 ||
           (stat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode));
}

static int open_target(struct output *output, int may_replace, char sentence[FILE_SENTENCE_MAX])
{
    struct stat info;
    if (is_direct(output->path)) {
        output->descriptor = strcmp(output->path, "-") == 0
                                 ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
                                 : open(output->path, O_WRONLY | O_CLOEXEC);
        return output->descriptor >= 0 ? 0 : fail(output, "write", errno, sentence);
    }
    if (stat(output->path, &info) == 0) {
        if (S_ISDIR(info.st_mode)) {
            return fail(output, "write", EISDIR, sentence);
        }
        if (!may_replace) {
            snprintf(sentence, FILE_SENTENCE_MAX,
                     "%s is there already: move it away, or say exists = \"replace\"",
                     output->path);
            return -EEXIST;
        }
    }
    if (asprintf(&output->partial, "%s" OUTPUT_SUFFIX, output->path) < 0) {
        output->partial = NULL;
        return fail(output, "write", ENOMEM, sentence);
    }
    output->descriptor = open(output->partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    return output->descriptor >= 0 ? 0 : fail(output, "write", errno, sentence);
}

int output_open(const char *path, uint32_t compression, int may_replace, struct output **out,
                char sentence[FILE_SENTENCE_MAX])
{
    struct output *output = calloc(1, sizeof *output);
    if (output == NULL) {
        input_explain(path, "write", ENOMEM, sentence);
        return -ENOMEM;
    }
    output->descriptor = -1;
    output->compression = compression;
    output->path = strdup(path);
    output->buffer = malloc(BUFFER_BYTES);
    int rc = output->path == NULL || output->buffer == NULL ? -ENOMEM : start_compression(output);
    if (rc != 0) {
        input_explain(path, "write", ENOMEM, sentence);
    } else {
        rc = open_target(output, may_replace, sentence);
    }
    if (rc != 0) {
        output_abandon(output);
        return rc;
    }
    *out = output;
    return 0;
}

void output_abandon(struct output *output)
{
    if (output == NULL) {
        return;
    }
    if (output->compression == COMPRESSION_GZIP) {
        deflateEnd(&output->gzip);
    }
    ZSTD_freeCCtx(output->zstd);
    if (output->descriptor >= 0) {
        close(output->descriptor);
    }
    free(output->path);
    free(output->partial);
    free(output->buffer);
    free(output);
}

// --- Writing ---

static int write_gzip(struct output *output, const void *bytes, size_t size, int is_last,
                      char sentence[FILE_SENTENCE_MAX])
{
    z_stream *gzip = &output->gzip;
    const uint8_t *from = bytes;
    int rc = Z_OK;
    gzip->avail_in = 0;
    do {
        if (gzip->avail_in == 0) {
            size_t piece = size < (1u << 30) ? size : (1u << 30);
            gzip->next_in = (Bytef *)(uintptr_t)from;
            gzip->avail_in = (uInt)piece;
            from += piece;
            size -= piece;
        }
        gzip->next_out = output->buffer + output->size;
        gzip->avail_out = (uInt)(BUFFER_BYTES - output->size);
        rc = deflate(gzip, is_last && size == 0 ? Z_FINISH : Z_NO_FLUSH);
        output->size = BUFFER_BYTES - gzip->avail_out;
        int error = output->size == BUFFER_BYTES ? flush(output, sentence) : 0;
        if (error != 0) {
            return error;
        }
    } while (size > 0 || gzip->avail_in > 0 || (is_last && rc != Z_STREAM_END));
    return 0;
}

static int write_zstd(struct output *output, const void *bytes, size_t size, int is_last,
                      char sentence[FILE_SENTENCE_MAX])
{
    ZSTD_inBuffer in = {bytes, size, 0};
    size_t left;
    do {
        ZSTD_outBuffer out = {output->buffer, BUFFER_BYTES, output->size};
        left =
            ZSTD_compressStream2(output->zstd, &out, &in, is_last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left)) {
            snprintf(sentence, FILE_SENTENCE_MAX, "cannot compress %s: %s", output->path,
                     ZSTD_getErrorName(left));
            return -EIO;
        }
        output->size = out.pos;
        int error = output->size == BUFFER_BYTES ? flush(output, sentence) : 0;
        if (error != 0) {
            return error;
        }
    } while (in.pos < in.size || (is_last && left != 0));
    return 0;
}

static int write_plain(struct output *output, const void *bytes, size_t size,
                       char sentence[FILE_SENTENCE_MAX])
{
    if (output->size + size > BUFFER_BYTES) {
        int rc = flush(output, sentence);
        if (rc != 0) {
            return rc;
        }
    }
    if (size >= BUFFER_BYTES / 2) {
        return write_all(output, bytes, size, sentence);
    }
    memcpy(output->buffer + output->size, bytes, size);
    output->size += size;
    return 0;
}

int output_write(struct output *output, const void *bytes, size_t size,
                 char sentence[FILE_SENTENCE_MAX])
{
    output->appended += size;
    int rc = output->compression == COMPRESSION_GZIP ? write_gzip(output, bytes, size, 0, sentence)
             : output->compression == COMPRESSION_ZSTD
                 ? write_zstd(output, bytes, size, 0, sentence)
                 : write_plain(output, bytes, size, sentence);
    return rc == 0 && output->partial == NULL && output->compression == COMPRESSION_NONE
               ? flush(output, sentence)
               : rc;
}

static int sync_folder(const struct output *output, char sentence[FILE_SENTENCE_MAX])
{
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", output->path);
    int descriptor = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc =
        descriptor < 0 || fsync(descriptor) != 0 ? fail(output, "make safe", errno, sentence) : 0;
    if (descriptor >= 0) {
        close(descriptor);
    }
    return rc;
}

int output_publish(struct output *output, char sentence[FILE_SENTENCE_MAX])
{
    int rc = output->compression == COMPRESSION_GZIP   ? write_gzip(output, "", 0, 1, sentence)
             : output->compression == COMPRESSION_ZSTD ? write_zstd(output, "", 0, 1, sentence)
                                                       : 0;
    rc = rc == 0 ? flush(output, sentence) : rc;
    if (rc == 0 && output->partial != NULL) {
        if (fsync(output->descriptor) != 0) {
            rc = fail(output, "make safe", errno, sentence);
        } else if (rename(output->partial, output->path) != 0) {
            rc = fail(output, "rename", errno, sentence);
        } else {
            rc = sync_folder(output, sentence);
        }
    }
    output_abandon(output);
    return rc;
}

int output_is_direct(const struct output *output)
{
    return output->partial == NULL;
}

uint64_t output_size(const struct output *output)
{
    return output->appended;
}
