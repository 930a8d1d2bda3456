/* `resume trust` and `resume untrust`: whether what somebody else has saved may be built and
 * called. */
#include "command.h"

#include "base/alloc.h"
#include "store/keys.h"

#include <inttypes.h>
#include <string.h>

/* What is known about the generations of one file. */
typedef struct findings {
    rs_mac *macs; /* of those that are not one's own */
    size_t count, own, bad;
    rs_error why; /* of the first bad one */
} findings;

static void note_bad(findings *found, const rs_error *error) {
    if (!found->bad++) found->why = *error;
}

static void look_at(rs_file *file, size_t index, findings *found) {
    rs_state *state = NULL;
    rs_error error = {0};
    resume_status status = rs_file_read(file, index, &state, &error);
    if (status == RESUME_OK && rs_state_signature(state) == RS_SIGNED_MINE) {
        found->own++;
    } else if (status == RESUME_OK) {
        status = rs_state_trust_mac(state, &found->macs[found->count], &error);
        found->count += status == RESUME_OK;
    }
    if (status != RESUME_OK) note_bad(found, &error);
    rs_state_free(state);
}

/* All generations that can be reached. The size of what is trusted has no limit but the memory. */
static resume_status look(rc_place *place, findings *found, rs_error *error) {
    rs_file *file = NULL;
    rs_recovery recovery;
    place->folder->lifts_limits = true;
    resume_status status =
        rs_file_open(place->folder, place->file_name, false, &file, &recovery, error);
    if (status == RESUME_OK) status = rs_file_list_all(file, error);
    size_t count = status == RESUME_OK ? rs_file_generation_count(file) : 0;
    if (status == RESUME_OK) {
        found->macs = rs_allocate_array(count, sizeof *found->macs);
        if (!found->macs) status = rs_fail(error, RESUME_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; status == RESUME_OK && i < count; i++)
        look_at(file, i, found);
    rs_file_close(file);
    return status;
}

static const char *plural(size_t count) {
    return count == 1 ? "" : "s";
}

static rc_exit tell_trusted(const findings *found, const char *name) {
    if (found->count)
        rc_say("'%s': %zu generation%s trusted from now on, as if you had saved them", name,
               found->count, plural(found->count));
    else if (found->own && !found->bad)
        rc_say("'%s' is signed with your key already", name);
    if (found->bad)
        rc_say("'%s': %zu generation%s not trusted: %s", name, found->bad, plural(found->bad),
               found->why.text);
    return found->bad ? RC_WARNINGS : RC_OK;
}

static rc_exit tell_untrusted(const findings *found, const char *name, size_t removed) {
    if (removed)
        rc_say("'%s': %zu generation%s not trusted any more", name, removed, plural(removed));
    if (found->own)
        rc_say("'%s' has %zu generation%s signed with your key: these stay yours", name, found->own,
               plural(found->own));
    if (!removed && !found->own) rc_say("'%s' was not trusted", name);
    return RC_OK;
}

static void make_note(const rc_place *place, char *note, size_t size) {
    char when[RC_TEXT_SIZE];
    const rs_os *os = place->folder->os;
    snprintf(note, size, "%s %.2000s/%s", rc_text_time_json(os->clock_ns(os), when),
             place->folder->path, place->file_name);
}

static rc_exit change(rc_place *place, bool trusts) {
    char name[4 * RS_FILE_NAME_SIZE], note[4096];
    findings found = {0};
    rs_error error = {0};
    size_t removed = 0;
    rs_keys *keys = place->folder->keys;
    rc_exit result = RC_OK;
    rc_text_name(RC_ESCAPE_TERMINAL, place->file_name, name, sizeof name);
    rs_keys_make(keys, NULL);
    resume_status status =
        keys->has_key
            ? RESUME_OK
            : rs_fail(&error, RESUME_UNTRUSTED, "there is no key to trust with: %s", keys->problem);
    if (status == RESUME_OK) status = look(place, &found, &error);
    make_note(place, note, sizeof note);
    if (status == RESUME_OK && found.count)
        status = trusts ? rs_trusted_add(keys, found.macs, found.count, note, &error)
                        : rs_trusted_remove(keys, found.macs, found.count, &removed, &error);
    if (status != RESUME_OK)
        result = rc_report(&error);
    else
        result = trusts ? tell_trusted(&found, name) : tell_untrusted(&found, name, removed);
    rs_free(found.macs);
    return result;
}

static rc_exit run(const rc_arguments *chosen, bool trusts) {
    rc_exit result = RC_OK;
    for (size_t i = 0; i < chosen->count; i++) {
        rc_place place = {0};
        rs_error error = {0};
        resume_status status = rc_place_find(chosen->targets[i], false, &place, &error);
        result = rc_worse(result, status ? rc_report(&error) : change(&place, trusts));
        rc_place_release(&place);
    }
    return result;
}

static rc_exit run_trust(const void *parsed) {
    return run(parsed, true);
}

static rc_exit run_untrust(const void *parsed) {
    return run(parsed, false);
}

const rc_command rc_trust = {
    .name = "trust",
    .job = "let a checkpoint of somebody else bring classes back",
    .arguments = "NAME|PATH...",
    .examples = "  resume show ~/shared/sim.main     look before: this runs nothing of it\n"
                "  resume trust ~/shared/sim.main    then its classes and functions come back\n",
    .text = "Trusts what is in a checkpoint now, as if you had saved it: its classes and functions "
            "are imported and called when it is restored or loaded.\v"
            "For content that you know: whoever made the file can have it do anything that the "
            "modules installed here can. A copy of the file is trusted as well, a changed one is "
            "not. For a few classes alone: restore(trusted=[...]) or resume.load(path, "
            "trusted=[...]).",
    .options_size = sizeof(rc_arguments),
    .count_min = 1,
    .count_max = SIZE_MAX,
    .missing = "which one? 'resume ls' lists them",
    .target = RC_TARGET_CHECKPOINT,
    .run = run_trust,
};

const rc_command rc_untrust = {
    .name = "untrust",
    .job = "take that back",
    .arguments = "NAME|PATH...",
    .examples = "  resume untrust ~/shared/sim.main\n",
    .text = "What is in the checkpoint is data alone again.\v"
            "What you have saved yourself, also after restoring what was trusted, is signed with "
            "your key and stays yours.",
    .options_size = sizeof(rc_arguments),
    .count_min = 1,
    .count_max = SIZE_MAX,
    .missing = "which one? 'resume ls' lists them",
    .target = RC_TARGET_CHECKPOINT,
    .run = run_untrust,
};
