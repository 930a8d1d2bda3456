/* Bodies that attract each other: structs whose fields are named by a function.
 *
 *     cc -O2 nbody.c $(pkg-config --cflags --libs resume) -lm -o nbody
 *     ./nbody [STEPS [SECONDS]]     steps in all, seconds between two saves */
#include <resume/resume.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct vector {
    double x, y, z;
} vector;

typedef struct body {
    vector at, speed;
    double mass;
    const char *kind; /* a pointer: meaningless in another process, so it is not saved */
    char name[16];
} body;

typedef struct universe {
    int64_t step;
    double energy[2]; /* at the beginning and now */
    body *bodies;     /* malloc memory */
    size_t body_count;
} universe;

/* Names what is saved of a body. Called for each body at each save and restore. */
static void describe_body(resume *fields, void *object) {
    body *b = object;
    resume_protect(fields, b->at.x);
    resume_protect(fields, b->at.y);
    resume_protect(fields, b->at.z);
    resume_protect(fields, b->speed.x);
    resume_protect(fields, b->speed.y);
    resume_protect(fields, b->speed.z);
    resume_protect(fields, b->mass);
    resume_protect_string(fields, b->name);
}

static void describe_universe(resume *fields, void *object) {
    universe *u = object;
    resume_protect(fields, u->step);
    resume_protect(fields, u->energy);
    resume_protect_structs(fields, u->bodies, u->body_count, describe_body);
}

static double distance(const body *a, const body *b) {
    double x = a->at.x - b->at.x, y = a->at.y - b->at.y, z = a->at.z - b->at.z;
    return sqrt(x * x + y * y + z * z + 1e-4); /* softened: they never meet */
}

static double energy(const universe *u) {
    double sum = 0;
    for (size_t i = 0; i < u->body_count; i++) {
        const body *b = &u->bodies[i];
        const vector v = b->speed;
        sum += b->mass * (v.x * v.x + v.y * v.y + v.z * v.z) / 2;
        for (size_t j = 0; j < i; j++)
            sum -= b->mass * u->bodies[j].mass / distance(b, &u->bodies[j]);
    }
    return sum;
}

static void advance(universe *u, double dt) {
    for (size_t i = 0; i < u->body_count; i++) {
        for (size_t j = 0; j < i; j++) {
            body *a = &u->bodies[i], *b = &u->bodies[j];
            double d = distance(a, b), pull = dt / (d * d * d);
            vector v = {b->at.x - a->at.x, b->at.y - a->at.y, b->at.z - a->at.z};
            double on_a = pull * b->mass, on_b = pull * a->mass;
            a->speed.x += on_a * v.x, a->speed.y += on_a * v.y, a->speed.z += on_a * v.z;
            b->speed.x -= on_b * v.x, b->speed.y -= on_b * v.y, b->speed.z -= on_b * v.z;
        }
    }
    for (size_t i = 0; i < u->body_count; i++) {
        body *b = &u->bodies[i];
        b->at.x += dt * b->speed.x, b->at.y += dt * b->speed.y, b->at.z += dt * b->speed.z;
    }
}

static void place(universe *u, size_t count) {
    u->bodies = calloc(count, sizeof *u->bodies);
    if (!u->bodies) exit(1);
    u->body_count = count;
    for (size_t i = 0; i < count; i++) {
        double angle = 2.399963 * (double)i, far = 1 + 0.3 * (double)i;
        u->bodies[i] = (body){.at = {far * cos(angle), far * sin(angle), 0.01 * (double)(i % 3)},
                              .speed = {-sin(angle) / sqrt(far), cos(angle) / sqrt(far), 0},
                              .mass = i ? 1e-3 : 1,
                              .kind = i ? "planet" : "sun"};
        snprintf(u->bodies[i].name, sizeof u->bodies[i].name, "body %zu", i);
    }
    u->energy[0] = u->energy[1] = energy(u);
}

int main(int count, char **arguments) {
    const int64_t steps = count > 1 ? atoll(arguments[1]) : 100000;
    resume_options options = {.rate_s = count > 2 ? atof(arguments[2]) : 0.5};
    universe sim = {0};
    place(&sim, 20);

    resume *ck;
    resume_open(&ck, NULL, &options);
    resume_protect_struct(ck, sim, describe_universe);
    if (resume_restore(ck, NULL)) {
        fprintf(stderr, "nbody: %s\n", resume_message(ck));
        return 1;
    }
    while (sim.step < steps) {
        advance(&sim, 1e-3);
        sim.energy[1] = energy(&sim);
        sim.step++;
        if (resume_sync(ck)) fprintf(stderr, "nbody: %s\n", resume_message(ck));
    }
    for (size_t i = 0; i < sim.body_count; i++) {
        const body *b = &sim.bodies[i];
        printf("%-6s %-8s %a %a %a\n", b->kind, b->name, b->at.x, b->at.y, b->at.z);
    }
    printf("%" PRId64 " steps, energy from %a to %a\n", sim.step, sim.energy[0], sim.energy[1]);
    resume_status status = resume_close(ck);
    free(sim.bodies);
    return status ? 1 : 0;
}
