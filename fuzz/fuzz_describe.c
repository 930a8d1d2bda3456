/* libFuzzer: the printers of the command over any bytes as an object stream.
 *
 * No crash, no text beyond its bound, nothing unsafe behind rc_escape. */
#include "command.h"
#include "mutate_stream.h"
#include "require.h"

#include <stdlib.h>
#include <string.h>

#define refuse(holds) require(!(holds))

/* A state without a file: the stream is the input, each blob is 24 bytes. */
struct rs_state {
    rs_slice stream;
};

rs_slice rs_state_stream(const rs_state *state) {
    return state->stream;
}

uint64_t rs_state_blob_size(const rs_state *state, size_t index) {
    (void)state;
    return index == 1 ? 24 : 0;
}

resume_status rs_state_read_blob(rs_state *state, size_t index, void *to, rs_error *error) {
    (void)state;
    (void)error;
    if (index != 1) return RESUME_NOT_FOUND;
    memset(to, 0x41, 24);
    return RESUME_OK;
}

size_t rs_state_blob_count(const rs_state *state) {
    (void)state;
    return 2;
}

rs_state_sizes rs_state_measure(const rs_state *state) {
    return (rs_state_sizes){.raw = state->stream.size + 24, .stored = state->stream.size + 24};
}

resume_status rs_state_read_range(rs_state *state, size_t index, uint64_t offset, size_t size,
                                  void *to, rs_error *error) {
    (void)state;
    (void)error;
    require(index == 1 && offset <= 24 && size <= 24 - offset);
    memset(to, 0x41, size);
    return RESUME_OK;
}

resume_status rs_state_claim(rs_state *state, uint64_t size, rs_error *error) {
    (void)state;
    (void)error;
    require(size <= 24); /* never more than there is */
    return RESUME_OK;
}

static void check(const void *bytes, size_t size) {
    char text[300];
    for (rc_escape_mode mode = RC_ESCAPE_TERMINAL; mode <= RC_ESCAPE_JSON; mode++) {
        size_t length = rc_escape(mode, bytes, size, text, sizeof text);
        refuse(length >= sizeof text || strlen(text) != length);
        for (size_t i = 0; mode == RC_ESCAPE_TERMINAL && i < length; i++)
            refuse((unsigned char)text[i] < 32 || text[i] == 127);
    }
}

/* Numbers and names of files as people read them. */
static void check_texts(const uint8_t *bytes, size_t size) {
    char text[RC_TEXT_SIZE], name[4 * RS_FILE_NAME_SIZE], file_name[RS_FILE_NAME_SIZE] = {0};
    uint64_t number = 0;
    memcpy(&number, bytes, size < 8 ? size : 8);
    const char *(*const printers[])(int64_t, char *) = {rc_text_age, rc_text_duration, rc_text_time,
                                                        rc_text_time_json};
    for (size_t i = 0; i < sizeof printers / sizeof *printers; i++) {
        printers[i]((int64_t)number, text);
        refuse(strlen(text) >= sizeof text);
        check(text, strlen(text));
    }
    rc_text_size(number, text);
    refuse(strlen(text) >= sizeof text);
    memcpy(file_name, bytes, size < sizeof file_name - 1 ? size : sizeof file_name - 1);
    for (rc_escape_mode mode = RC_ESCAPE_TERMINAL; mode <= RC_ESCAPE_JSON; mode++) {
        size_t length = rc_text_name(mode, file_name, name, sizeof name);
        refuse(length >= sizeof name || strlen(name) != length);
        for (size_t i = 0; mode == RC_ESCAPE_TERMINAL && i < length; i++)
            refuse((unsigned char)name[i] < 32 || name[i] == 127);
    }
}

static void visit(void *context, rc_section section, rs_slice name, const rc_value *value) {
    size_t text_max = *(const size_t *)context;
    (void)section;
    check(name.bytes, name.size);
    check(value->text, strlen(value->text));
    check(value->type, strlen(value->type));
    refuse(strlen(value->text) >= text_max);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    check_texts(bytes, size);
    struct rs_state state = {{bytes, size}};
    size_t text_max = size % 2 ? 20 : 2000;
    rs_error error = {0};
    (void)rc_contents_walk(&state, RC_ALL_SECTIONS, text_max, visit, &text_max, &error);
    check(error.text, strlen(error.text));
    rs_cbor_reader reader = rs_cbor_reader_over(bytes, size);
    rc_value value;
    rc_shares shares = {0};
    while (rc_describe(&state, &shares, &reader, text_max, &value, &error) == RESUME_OK)
        visit(&text_max, RC_VARIABLE, (rs_slice){"x", 1}, &value);
    rc_shares_release(&shares);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t max_size, unsigned seed) {
    return mutate_stream(bytes, size, max_size, seed);
}
