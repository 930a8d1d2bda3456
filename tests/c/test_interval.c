/* Tests of src/engine/interval.c: how long to wait with rate "auto". */
#include "engine/checkpoint.h"
#include "engine/interval.h"
#include "os/os.h"
#include "seeded.h"
#include "temp_folder.h"
#include "testing.h"

#include <math.h>
#include <stdbool.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000000)
#define SAVES  100000 /* of one simulated run, about */

static double seconds(const rs_interval *interval) {
    return (double)rs_interval_ns(interval) / 1e9;
}

static void test_interval__the_first_save_is_soon(void **state) {
    (void)state;
    rs_interval interval = {0};
    assert_true(rs_interval_ns(&interval) == RS_INTERVAL_MIN);
    interval.failures = 3; /* before it had run for any time, too */
    assert_true(rs_interval_ns(&interval) == RS_INTERVAL_MIN);
}

static void test_interval__saves_take_two_percent(void **state) {
    (void)state;
    rs_interval interval = {.here_ns = 1000 * SECOND};
    rs_interval_note(&interval, SECOND, 0);
    assert_float_equal(seconds(&interval), 49, 1e-6);
    interval.overhead = 0.1;
    assert_float_equal(seconds(&interval), 9, 1e-6);
}

static void test_interval__the_first_ones_are_made_up_for(void **state) {
    (void)state;
    rs_interval interval = {.here_ns = 2 * SECOND};
    rs_interval_note(&interval, SECOND, 0);
    /* two saves in a run of 100 s: the second one's end */
    assert_float_equal(seconds(&interval), 97, 1e-6);
}

/* Whatever saves cost: behind the first one never more than the share, at no time. */
static void test_interval__the_share_holds_at_any_time(void **state) {
    (void)state;
    seeded random = seeded_start();
    for (int run = 0; run < 100; run++) {
        rs_interval interval = {0};
        double now = 0, spent = 0, cost = 0.01 + (double)seeded_below(&random, 1000) / 1000;
        for (int save = 0; save < 200; save++) {
            interval.here_ns = (uint64_t)(now * 1e9);
            now += seconds(&interval) + cost;
            spent += cost;
            rs_interval_note(&interval, (uint64_t)(cost * 1e9), 0);
            interval.here_ns = (uint64_t)(now * 1e9);
            assert_true(save == 0 || spent <= 0.0201 * now);
        }
        assert_true(spent >= 0.019 * now || seconds(&interval) < 1.001); /* nor much less */
    }
}

static void test_interval__costs_are_smoothed(void **state) {
    (void)state;
    rs_interval interval = {.here_ns = 100000 * SECOND};
    rs_interval_note(&interval, SECOND, SECOND);
    rs_interval_note(&interval, 2 * SECOND, 2 * SECOND);
    assert_float_equal(interval.cost_ns, 1.3e9, 1);
}

static void test_interval__a_thread_that_writes_counts_a_tenth(void **state) {
    (void)state;
    rs_interval interval = {.here_ns = 100000 * SECOND};
    rs_interval_note(&interval, SECOND, 11 * SECOND);
    assert_float_equal(interval.cost_ns, 2e9, 1);
    assert_float_equal(seconds(&interval), 98, 1e-6);
}

static void test_interval__no_more_than_15_minutes_are_at_risk(void **state) {
    (void)state;
    rs_interval interval = {.here_ns = 100000 * SECOND};
    rs_interval_note(&interval, 60 * SECOND, 100 * SECOND);
    assert_float_equal(seconds(&interval), 800, 1e-6);
}

static void test_interval__none_is_due_before_the_last_one_is_durable(void **state) {
    (void)state;
    rs_interval interval = {.here_ns = 100000 * SECOND};
    rs_interval_note(&interval, SECOND, 1000 * SECOND);
    assert_float_equal(seconds(&interval), 1000, 1e-6);
}

static void test_interval__saves_longer_than_the_time_between_failures(void **state) {
    (void)state;
    rs_interval interval = {.failures = 10, .running_ns = 300 * SECOND, .cost_ns = 100e9};
    assert_true(seconds(&interval) >= 30 && seconds(&interval) <= 130);
}

/* --- a simulated run: failures at random, each from the last save on --- */

typedef struct world {
    double cost, between; /* seconds: of a save, mean between failures */
    unsigned failures;
} world;

/* Seconds for all the useful work that is done until the last failure; `fixed`: the interval, or 0
 * for the one that is to be tested, which learns. The same seed: the same failures. */
static double waste(const world *given, uint64_t seed, double fixed) {
    seeded random = {seed};
    rs_interval interval = {0};
    double useful = 0, all = 0, running = 0;
    for (unsigned i = 0; i < given->failures; i++) {
        double uniform = ((double)(seeded_next(&random) >> 11) + 0.5) / 9007199254740992.0;
        double left = -log(uniform) * given->between, here = 0;
        for (;;) {
            interval.running_ns = (uint64_t)((running + here) * 1e9);
            interval.here_ns = (uint64_t)(here * 1e9);
            double wait = fixed > 0 ? fixed : seconds(&interval);
            if (here + wait + given->cost > left) break;
            here += wait + given->cost;
            useful += wait;
            rs_interval_note(&interval, (uint64_t)(given->cost * 1e9), 0);
        }
        all += left;
        running += here; /* what META knows: until the last save */
        interval = (rs_interval){.failures = i + 1, .cost_ns = interval.cost_ns};
    }
    return all / useful;
}

static void test_interval__is_the_best_one_in_simulated_runs(void **state) {
    (void)state;
    static const double costs[] = {0.01, 0.1, 1, 10, 60}, means[] = {60, 600, 3600, 36000, 360000};
    bool fast = getenv("RESUME_FAST") && getenv("RESUME_FAST")[0] == '1';
    const char *scale = getenv("RESUME_SCALE");
    double saves = (fast ? SAVES / 5.0 : SAVES) * (scale ? strtod(scale, NULL) : 1);
    seeded random = seeded_start();
    for (size_t i = 0; i < sizeof costs / sizeof costs[0]; i++) {
        for (size_t j = 0; j < sizeof means / sizeof means[0]; j++) {
            if (costs[i] > means[j] / 2) continue; /* hopeless, whatever one does */
            double best = INFINITY, at = 0, about = sqrt(2 * costs[i] * means[j]);
            unsigned failures = (unsigned)(saves * fmin(1, (about + costs[i]) / means[j]));
            world here = {costs[i], means[j], failures > 100 ? failures : 100};
            uint64_t seed = seeded_next(&random);
            for (double fixed = fmin(fmax(about / 4, 1), 400); fixed <= fmin(about * 4, 900);
                 fixed *= 1.05) {
                double tried = waste(&here, seed, fixed);
                if (tried < best) at = fixed, best = tried;
            }
            double ours = waste(&here, seed, 0);
            printf("save %6.2f s, %6.0f s between failures: best %.4f at %.0f s, ours %.4f (%+.2f "
                   "%%)\n",
                   here.cost, here.between, best, at, ours, (ours / best - 1) * 100);
            assert_true(ours <= best * 1.02);
        }
    }
}

/* --- a checkpoint with RS_AUTO --- */

typedef struct place {
    char path[TEMP_PATH_SIZE];
    rs_checkpoint_options options;
    rs_checkpoint *checkpoint;
} place;

static const rs_meta *open_it(place *here) {
    rs_error error;
    if (rs_checkpoint_open(rs_os_linux(), &here->options, &here->checkpoint, &error))
        fail_msg("%s", error.text);
    return rs_checkpoint_look(here->checkpoint)->meta;
}

static void save_it(place *here, unsigned takes_us) {
    rs_blob blob = {"1", 1, 1};
    rs_commit_info info;
    rs_error error;
    rs_checkpoint_begin_save(here->checkpoint);
    usleep(takes_us);
    if (rs_checkpoint_save(here->checkpoint, &blob, 1, &info, &error)) fail_msg("%s", error.text);
}

static uint64_t rate_of(const place *here) {
    return rs_checkpoint_rate(here->checkpoint);
}

static void test_interval__a_checkpoint_learns_what_saves_cost(void **state) {
    (void)state;
    uint64_t rates[2];
    for (int twice = 0; twice < 2; twice++) {
        place here = {.options = {.folder = here.path,
                                  .name = "ck",
                                  .name_size = 2,
                                  .rate_ns = RS_AUTO,
                                  .overhead = twice ? 0 : 0.5}};
        temp_folder_make(here.path);
        open_it(&here);
        assert_true(rate_of(&here) == RS_INTERVAL_MIN);
        save_it(&here, 30000);
        save_it(&here, 30000);
        rates[twice] = rate_of(&here);
        rs_checkpoint_set_rate(here.checkpoint, 7);
        assert_true(rate_of(&here) == 7);
        rs_checkpoint_set_rate(here.checkpoint, RS_AUTO);
        assert_true(rate_of(&here) == rates[twice]);
        rs_checkpoint_close(here.checkpoint);
        temp_folder_remove(here.path);
    }
    assert_true(rates[1] > 2 * SECOND); /* 0.06 s of the first 3 s */
    assert_true(rates[0] < rates[1]);
}

static void test_interval__a_checkpoint_learns_how_often_it_is_cut_off(void **state) {
    (void)state;
    place here = {.options = {.folder = here.path,
                              .name = "ck",
                              .name_size = 2,
                              .rate_ns = RS_AUTO,
                              .expire_ended_ns = RS_NEVER,
                              .expire_cut_off_ns = RS_NEVER}};
    temp_folder_make(here.path);
    open_it(&here);
    save_it(&here, 30000);
    save_it(&here, 30000); /* tells what the first one has cost */
    for (uint64_t i = 0; i < 3; i++) {
        rs_checkpoint_close(here.checkpoint);
        const rs_meta *meta = open_it(&here);
        assert_int_equal(meta->failures, i);
        assert_true(meta->cost_ns >= 20000000);
        assert_true(rate_of(&here) >= RS_INTERVAL_MIN && rate_of(&here) < 10 * SECOND);
        save_it(&here, 30000);
    }
    rs_error error;
    assert_int_equal(rs_checkpoint_end(here.checkpoint, NULL, &error), RESUME_OK);
    rs_checkpoint_close(here.checkpoint);
    open_it(&here); /* ended: another call begins to count */
    save_it(&here, 0);
    rs_checkpoint_close(here.checkpoint);
    assert_int_equal(open_it(&here)->failures, 0);
    rs_checkpoint_close(here.checkpoint);
    temp_folder_remove(here.path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interval__the_first_save_is_soon),
        cmocka_unit_test(test_interval__saves_take_two_percent),
        cmocka_unit_test(test_interval__the_first_ones_are_made_up_for),
        cmocka_unit_test(test_interval__the_share_holds_at_any_time),
        cmocka_unit_test(test_interval__costs_are_smoothed),
        cmocka_unit_test(test_interval__a_thread_that_writes_counts_a_tenth),
        cmocka_unit_test(test_interval__no_more_than_15_minutes_are_at_risk),
        cmocka_unit_test(test_interval__none_is_due_before_the_last_one_is_durable),
        cmocka_unit_test(test_interval__saves_longer_than_the_time_between_failures),
        cmocka_unit_test(test_interval__a_checkpoint_learns_what_saves_cost),
        cmocka_unit_test(test_interval__a_checkpoint_learns_how_often_it_is_cut_off),
        cmocka_unit_test(test_interval__is_the_best_one_in_simulated_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
