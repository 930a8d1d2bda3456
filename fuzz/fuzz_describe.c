/* libFuzzer: the printers of the command over any bytes as an object stream.
 *
 * No crash, no text beyond its bound, nothing unsafe behind rc_escape. Needs clang:
 *
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Iinclude -Isrc -Icli \
 *       -o build/fuzz_describe fuzz/fuzz_describe.c cli/contents.c cli/describe*.c cli/escape.c \
 *       cli/shares.c cli/sink.c cli/text.c src/format/cbor.c src/store/name.c src/base/?*.c
 *   build/fuzz_describe -max_total_time=60 */
#include "command.h"

#include <stdlib.h>
#include <string.h>

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

static void check(const void *bytes, size_t size) {
    char text[300];
    for (rc_escape_mode mode = RC_ESCAPE_TERMINAL; mode <= RC_ESCAPE_JSON; mode++) {
        size_t length = rc_escape(mode, bytes, size, text, sizeof text);
        if (length >= sizeof text || strlen(text) != length) abort();
        for (size_t i = 0; mode == RC_ESCAPE_TERMINAL && i < length; i++)
            if ((unsigned char)text[i] < 32 || text[i] == 127) abort();
    }
}

static void visit(void *context, rc_section section, rs_slice name, const rc_value *value) {
    size_t text_max = *(const size_t *)context;
    (void)section;
    check(name.bytes, name.size);
    check(value->text, strlen(value->text));
    check(value->type, strlen(value->type));
    if (strlen(value->text) >= text_max) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
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
