#include "base/diagnostic_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void set_number(json_t *object, const char *key, uint32_t number)
{
    if (number != 0) {
        json_object_set_new(object, key, json_integer(number));
    }
}

// Source text in a message need not be UTF-8; JSON must be.
static json_t *text_to_json(const char *text, size_t length)
{
    json_t *json = json_stringn(text, length);
    if (json != NULL) {
        return json;
    }
    char *ascii = strndup(text, length);
    for (char *at = ascii; at != NULL && *at != '\0'; at++) {
        *at = (unsigned char)*at < 0x80 ? *at : '?';
    }
    json = json_string(ascii);
    free(ascii);
    return json;
}

static void set_text(json_t *object, const char *key, const char *text)
{
    if (text != NULL) {
        json_object_set_new(object, key, text_to_json(text, strlen(text)));
    }
}

json_t *place_to_json(const struct place *place)
{
    json_t *object = json_object();
    set_text(object, "file", place->file);
    set_number(object, "line", place->line);
    set_number(object, "column", place->column);
    set_number(object, "end", place->end);
    return object;
}

struct place place_from_json(const json_t *place)
{
    return (struct place){
        .file = (char *)json_string_value(json_object_get(place, "file")),
        .line = (uint32_t)json_integer_value(json_object_get(place, "line")),
        .column = (uint32_t)json_integer_value(json_object_get(place, "column")),
        .end = (uint32_t)json_integer_value(json_object_get(place, "end")),
    };
}

static json_t *lines_to_json(const char *lines)
{
    json_t *array = json_array();
    while (*lines != '\0') {
        size_t length = strcspn(lines, "\n");
        json_array_append_new(array, text_to_json(lines, length));
        lines += length + (lines[length] == '\n');
    }
    return array;
}

static json_t *to_json(const struct diagnostic *diagnostic)
{
    json_t *object = json_object();
    set_text(object, "code", diagnostic->code);
    set_text(object, "severity", diagnostic->is_warning ? "warning" : "error");
    set_text(object, "message", diagnostic->message);
    json_object_set_new(object, "place", place_to_json(&diagnostic->place));
    set_text(object, "stage", diagnostic->stage);
    set_text(object, "option", diagnostic->option);
    set_text(object, "available", diagnostic->available);
    set_text(object, "help", diagnostic->help);
    if (diagnostic->notes != NULL) {
        json_object_set_new(object, "notes", lines_to_json(diagnostic->notes));
    }
    return object;
}

json_t *diagnostics_to_json(const struct diagnostics *diagnostics)
{
    json_t *array = json_array();
    for (const struct diagnostic *at = diagnostics->first; at != NULL; at = at->next) {
        if (json_array_append_new(array, to_json(at)) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static void copy_text(char **member, const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    if (text != NULL) {
        diagnostic_set(member, "%s", text);
    }
}

static int add_json(struct diagnostics *diagnostics, const json_t *object)
{
    const char *code = json_string_value(json_object_get(object, "code"));
    const char *severity = json_string_value(json_object_get(object, "severity"));
    const char *message = json_string_value(json_object_get(object, "message"));
    if (code == NULL || severity == NULL || message == NULL) {
        return -EINVAL;
    }
    struct place place = place_from_json(json_object_get(object, "place"));
    struct diagnostic *added =
        strcmp(severity, "warning") == 0
            ? diagnostic_add_warning(diagnostics, code, &place, "%s", message)
            : diagnostic_add(diagnostics, code, &place, "%s", message);
    copy_text(&added->stage, object, "stage");
    copy_text(&added->option, object, "option");
    copy_text(&added->available, object, "available");
    copy_text(&added->help, object, "help");
    size_t i;
    json_t *note, *notes = json_object_get(object, "notes");
    json_array_foreach(notes, i, note)
    {
        if (json_is_string(note)) {
            diagnostic_note(added, "%s", json_string_value(note));
        }
    }
    return 0;
}

int diagnostics_add_json(struct diagnostics *diagnostics, const json_t *array)
{
    if (!json_is_array(array)) {
        return -EINVAL;
    }
    size_t i;
    json_t *object;
    json_array_foreach(array, i, object)
    {
        if (add_json(diagnostics, object) != 0) {
            return -EINVAL;
        }
    }
    return 0;
}
