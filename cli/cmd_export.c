/* `resume export`: the values of a checkpoint in formats that other programs read. */
#include "export.h"

#include "base/arith.h"

#include <unistd.h>

enum { FORMAT_NPZ = 1, FORMAT_JSON, FORMAT_CSV, FORMAT_RAW }; /* the words of --format */

typedef struct options {
    rc_arguments common;
    const char *output;
    unsigned format;
    bool force, compress;
} options;

static const rc_option own_options[] = {
    {"output", 'o', RC_TEXT, "FILE", "write a file; '-' and without it: stdout",
     offsetof(options, output)},
    {"format", 'F', RC_WORD, "npz|json|csv|raw", "by default that of FILE's ending, else json",
     offsetof(options, format)},
    {"compress", 'z', RC_FLAG, NULL, "npz: deflate the arrays", offsetof(options, compress)},
    {"force", 'f', RC_FLAG, NULL, "replace FILE, or write binary to a terminal",
     offsetof(options, force)},
    {0}};

static unsigned choose_format(const options *chosen) {
    static const struct {
        const char *ending;
        unsigned format;
    } endings[] = {{".npz", FORMAT_NPZ},
                   {".json", FORMAT_JSON},
                   {".csv", FORMAT_CSV},
                   {".raw", FORMAT_RAW},
                   {".bin", FORMAT_RAW}};
    size_t length = chosen->output ? strlen(chosen->output) : 0;
    if (chosen->format) return chosen->format;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t size = strlen(endings[i].ending);
        if (length > size && strcmp(chosen->output + length - size, endings[i].ending) == 0)
            return endings[i].format;
    }
    return FORMAT_JSON;
}

/* What a file of another user may unfold into is bounded by its size; one's own may hold what it
 * declares (a large array of zeros takes no bytes), and views of it. */
static uint64_t budget_of(const rc_export *export) {
    const rs_folder *folder = export->opened->place.folder;
    const uint64_t always = UINT64_C(256) << 20;
    rs_file_info info;
    uint64_t file_size = rs_file_size(export->opened->file), raw;
    uint64_t by_file = rs_maximum(always, 4 * rs_minimum(file_size, UINT64_MAX / 4));
    bool mine =
        folder->os->info_at(folder->os, folder->fd, export->opened->place.file_name, &info) == 0 &&
        info.owner == folder->os->user(folder->os);
    if (!mine) return by_file;
    raw = rs_state_measure(export->state).raw;
    return raw < UINT64_MAX - by_file ? raw + by_file : UINT64_MAX;
}

static resume_status write_format(rc_export *export, unsigned format, rc_output *output,
                                  rs_error *error) {
    switch (format) {
    case FORMAT_NPZ:
        return rc_export_npz(export, output, error);
    case FORMAT_CSV:
        return rc_export_csv(export, output, error);
    case FORMAT_RAW:
        return rc_export_raw(export, output, error);
    default:
        return rc_export_json(export, output, error);
    }
}

static resume_status export_to(rc_export *export, const options *chosen, rs_error *error) {
    rc_output output = {.folder = -1};
    unsigned format = choose_format(chosen);
    bool binary = format == FORMAT_NPZ || format == FORMAT_RAW;
    resume_status status = rc_output_open(&output, chosen->output, chosen->force, error);
    if (status == RESUME_OK && !output.path && binary && isatty(STDOUT_FILENO) && !chosen->force)
        status = rs_fail(error, RESUME_BAD_NAME,
                         "binary data is not written to a terminal; use -o FILE, or --force");
    /* what has gone into a pipe can't be taken back: all is verified first */
    if (status == RESUME_OK && !output.path)
        status = rs_state_verify(export->state, NULL, NULL, NULL, error);
    if (status == RESUME_OK && !export->selected_count)
        status = rc_output_expect(&output, rs_state_measure(export->state).raw, error);
    if (status == RESUME_OK) status = write_format(export, format, &output, error);
    if (status == RESUME_OK) status = rc_output_finish(&output, error);
    rc_output_discard(&output);
    return status;
}

static resume_status export_all(rc_export *export, rc_opened *opened, const options *chosen,
                                rs_error *error) {
    resume_status status =
        rc_opened_open(chosen->common.targets[0], chosen->common.generation, opened, error);
    if (status == RESUME_OK)
        status = rs_file_read(opened->file, opened->index, &export->state, error);
    if (status != RESUME_OK) return status;
    export->opened = opened;
    export->budget = budget_of(export);
    status = rc_items_collect(export, error);
    return status == RESUME_OK ? export_to(export, chosen, error) : status;
}

static rc_exit run(const void *parsed) {
    const options *chosen = parsed;
    rc_opened opened = {0};
    rs_error error = {0};
    rc_export export = {.compress = chosen->compress,
                        .selected = chosen->common.targets + 1,
                        .selected_count = chosen->common.count - 1};
    resume_status status = export_all(&export, &opened, chosen, &error);
    rc_exit result = status == RESUME_OK ? RC_OK : rc_report(&error);
    if (status == RESUME_OK) {
        result = rc_opened_health(&opened);
        if (export.left_out) {
            rc_say("%zu value%s left out", export.left_out,
                   export.left_out == 1 ? " was" : "s were");
            result = rc_worse(result, RC_WARNINGS);
        }
    }
    rc_items_release(&export);
    rc_shares_release(&export.shares);
    rs_state_free(export.state);
    rc_opened_release(&opened);
    return result;
}

const rc_command rc_export_command = {
    .name = "export",
    .job = "write values as npz, json, csv or raw bytes",
    .arguments = "NAME[@GENERATION]|PATH[@GENERATION] [VARIABLE...]",
    .examples =
        "  resume export sim.main -o sim.npz           all arrays and numbers, for numpy.load\n"
        "  resume export sim.main@41 -o old.json       everything, of an older save\n"
        "  resume export sim.main losses -F csv        a column, to stdout\n"
        "  resume export sim.main field -o field.raw   the bytes of one array\n"
        "  resume export sim.main | jq .variables.n    one value\n",
    .text = "Writes the values of a checkpoint in a format of other programs. Nothing in it is run "
            "or built.\v"
            "VARIABLE is a name as 'resume show' prints it, 'extra.NAME', 'tracked.NAME' or "
            "'result'; 'NAME.KEY' is a part of a dict. What the format can't hold is told and left "
            "out (exit code 3). FILE appears when it is complete, and is not replaced without "
            "--force.",
    .options = own_options,
    .options_size = sizeof(options),
    .shared = RC_WITH_GENERATION,
    .count_min = 1,
    .count_max = SIZE_MAX,
    .missing = "which one? 'resume ls' lists them",
    .target = RC_TARGET_CHECKPOINT,
    .run = run,
};
