/* JSON on stdout, by jansson: one object with "schema" and "command", ASCII only. */
#include "command.h"

#include <string.h>

json_t *rc_json_new(const char *command) {
    return json_pack("{s:i, s:s}", "schema", RC_JSON_SCHEMA, "command", command);
}

json_t *rc_json_text(const void *bytes, size_t size) {
    char text[4 * RC_VALUE_SIZE];
    size_t length = rc_escape(RC_ESCAPE_JSON, bytes, size, text, sizeof text);
    return json_stringn(text, length);
}

json_t *rc_json_time(int64_t time_ns) {
    char text[RC_TEXT_SIZE];
    return time_ns > 0 ? json_string(rc_text_time_json(time_ns, text)) : json_null();
}

json_t *rc_json_name(const char *file_name) {
    char text[4 * RS_FILE_NAME_SIZE];
    return json_stringn(text, rc_text_name(RC_ESCAPE_JSON, file_name, text, sizeof text));
}

void rc_json_state(json_t *object, const rs_state *state) {
    const rs_meta *meta = rs_state_meta(state);
    json_object_set_new(object, "signature",
                        json_string(rs_signature_text(rs_state_signature(state))));
    json_object_set_new(object, "ended", json_boolean(meta->ended));
    json_object_set_new(object, "saved", rc_json_time(meta->saved_ns));
    json_object_set_new(object, "saved_ns", json_integer(meta->saved_ns));
    json_object_set_new(object, "started_ns", json_integer(meta->started_ns));
    json_object_set_new(object, "running_ns", json_integer(meta->running_ns));
    json_object_set_new(object, "saves", json_integer((json_int_t)meta->saves));
    json_object_set_new(object, "paused_ns", json_integer((json_int_t)meta->paused_ns));
    json_object_set_new(object, "state_size", json_integer((json_int_t)meta->state_size));
    json_object_set_new(object, "copy_of",
                        meta->copy_of ? json_integer((json_int_t)meta->copy_of) : json_null());
    json_object_set_new(object, "pid", json_integer(meta->pid));
    json_object_set_new(object, "host", rc_json_text(meta->host.bytes, meta->host.size));
    json_object_set_new(object, "program", rc_json_text(meta->program.bytes, meta->program.size));
    json_object_set_new(object, "function",
                        rc_json_text(meta->function.bytes, meta->function.size));
    json_object_set_new(object, "writer", rc_json_text(meta->writer.bytes, meta->writer.size));
}

rc_exit rc_json_print(json_t *root, rc_exit exit_code) {
    json_object_set_new(root, "exit", json_integer(exit_code));
    int failed = json_dumpf(root, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    json_decref(root);
    if (failed || putchar('\n') == EOF) {
        rc_say("writing the result failed");
        return RC_IO;
    }
    return exit_code;
}
