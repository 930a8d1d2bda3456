/* `resume keys`: the key that proves which checkpoints are yours. */
#include "command.h"

#include "os/process.h"
#include "store/keys.h"

#include <inttypes.h>
#include <string.h>

static void print_line(const char *what, const char *text) {
    char escaped[4 * RS_KEY_PATH_SIZE];
    rc_escape(RC_ESCAPE_TERMINAL, text, strlen(text), escaped, sizeof escaped);
    printf("%-8s %s\n", what, escaped);
}

static rc_exit print_keys(const rs_keys *keys) {
    print_line("file", keys->path ? keys->path : "none");
    if (keys->has_key) {
        char id[2 * RS_KEY_ID_SIZE + 1], count[RC_TEXT_SIZE];
        for (size_t i = 0; i < RS_KEY_ID_SIZE; i++)
            snprintf(id + 2 * i, 3, "%02x", keys->key.id[i]);
        snprintf(count, sizeof count, "%zu generation%s of others", keys->trusted_count,
                 keys->trusted_count == 1 ? "" : "s");
        print_line("id", id);
        print_line("trusted", count);
    }
    if (keys->problem[0]) {
        rc_say("%s", keys->problem);
        rc_say("what is saved now is not signed");
        return RC_WARNINGS;
    }
    if (!keys->has_key) rc_say("there is no key yet: the first save makes it");
    if (keys->warning[0]) rc_say("%s", keys->warning);
    return keys->warning[0] ? RC_WARNINGS : RC_OK;
}

static rc_exit run(const void *parsed) {
    char path[RS_KEY_PATH_SIZE];
    rs_keys *keys = NULL;
    rs_error error = {0};
    (void)parsed;
    rs_key_file_path(path);
    if (rs_keys_open(rs_os_linux(), path, &keys, &error) != RESUME_OK) return rc_report(&error);
    rc_exit result = print_keys(keys);
    rs_keys_free(keys);
    return result;
}

const rc_command rc_keys = {
    .name = "keys",
    .job = "tell which key your saves are signed with",
    .arguments = "",
    .examples = "  resume keys\n",
    .text = "Tells where the key is that your saves are signed with, and its id.\v"
            "The key is made at the first save. RESUME_KEY_FILE names another file: one that all "
            "machines of a cluster see, or that outlives a container. Whoever can read the key can "
            "make checkpoints that are yours.",
    .options_size = sizeof(rc_arguments),
    .target = RC_TARGET_NONE,
    .run = run,
};
