/* A checkpoint that an argument names, open for reading at one of its generations. */
#include "command.h"

void rc_opened_release(rc_opened *opened) {
    rs_file_close(opened->file);
    rc_place_release(&opened->place);
    *opened = (rc_opened){0};
}

resume_status rc_opened_open(const char *argument, uint64_t generation, rc_opened *opened,
                             rs_error *error) {
    rc_place *place = &opened->place;
    resume_status status = rc_place_find_at(argument, place, error);
    if (generation) {
        place->generation = generation;
        place->back = 0;
    }
    if (status == RESUME_OK)
        status = rs_file_open(place->folder, place->file_name, false, &opened->file,
                              &opened->recovery, error);
    if (status != RESUME_OK) return status;
    return rc_place_generation(place, opened->file, &opened->index, error);
}

rc_exit rc_opened_health(const rc_opened *opened) {
    if (opened->recovery.health == RS_HEALTH_GOOD) return RC_OK;
    rc_say("%s", opened->recovery.text);
    return opened->recovery.health == RS_HEALTH_TORN ? RC_WARNINGS : RC_DAMAGED;
}
