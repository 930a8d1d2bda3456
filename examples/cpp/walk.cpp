// A walk through random terrain: containers, an engine and a struct of the standard kind.
//
//     c++ -O2 walk.cpp $(pkg-config --cflags --libs resume) -o walk
//     ./walk [STEPS [SECONDS]]     steps in all, seconds between two saves
#include <resume/resume.hpp>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <random>

struct walker {
    std::complex<double> at;
    std::array<int, 4> turns;
    std::vector<float> track; // grows
    std::string mood;
};

// Names what is saved of a walker.
void describe(resumable::fields &fields, walker &w) {
    RESUME_PROTECT(fields, w.at, w.turns, w.track, w.mood);
}

static std::uint64_t checksum(const std::vector<float> &track) {
    std::uint64_t sum = 0;
    for (float x : track)
        sum = sum * 6364136223846793005u + static_cast<std::uint64_t>(x * 65536);
    return sum;
}

static void walk(long steps, double seconds) {
    long step = 0;
    std::vector<walker> walkers(3, walker{{0, 0}, {{0, 0, 0, 0}}, {}, "fresh"});
    std::vector<long> visits(64);
    std::mt19937_64 random(42);
    std::normal_distribution<double> length(1, 0.25); // it keeps every second number

    resume_options options = resume_options();
    options.rate_s = seconds;
    resumable::checkpoint ck("walk", options);
    RESUME_PROTECT(ck, step, walkers, visits, random, length);
    if (ck.restore()) std::cerr << "walk: goes on from step " << step << '\n';

    while (step < steps) {
        const unsigned way = static_cast<unsigned>(random() % 4);
        static const std::complex<double> ways[] = {{1, 0}, {0, 1}, {-1, 0}, {0, -1}};
        walker &w = walkers[static_cast<std::size_t>(step) % walkers.size()];
        w.at += length(random) * ways[way];
        w.turns[way]++;
        visits[static_cast<std::size_t>(std::abs(w.at)) % visits.size()]++;
        if (step % 100 == 0) w.track.push_back(static_cast<float>(std::abs(w.at)));
        if (step == steps / 2) walkers.push_back(w), walkers.back().mood = "born on the way";
        step++;
        if (ck.sync() != RESUME_OK) std::cerr << "walk: " << ck.message() << '\n';
    }
    for (const walker &w : walkers)
        std::printf("%s: %a %a, turns %d %d %d %d, track %zu, checksum %016" PRIx64 "\n",
                    w.mood.c_str(), w.at.real(), w.at.imag(), w.turns[0], w.turns[1], w.turns[2],
                    w.turns[3], w.track.size(), checksum(w.track));
    std::printf("%ld steps, %ld near home, next %" PRIu64 "\n", step, visits[0],
                static_cast<std::uint64_t>(random()));
    ck.close(); // the destructor would do, but could not tell an error
}

int main(int count, char **arguments) {
    try {
        walk(count > 1 ? std::atol(arguments[1]) : 20000000,
             count > 2 ? std::atof(arguments[2]) : 0.5);
    } catch (const std::exception &failure) {
        std::cerr << "walk: " << failure.what() << '\n';
        return 1;
    }
    return 0;
}
