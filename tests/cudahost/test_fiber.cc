/* Fibers keep what they hold while others run; built for both ways of switching. */
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "tests/cudahost/fiber.h"

using cudahost::Fiber;

struct Job {
    Fiber *fiber;
    int start, steps;
    double sum;
};

static void count_up(void *argument)
{
    Job *job = (Job *)argument;
    std::vector<int> own(1, job->start);
    for (int i = 1; i <= job->steps; i++) {
        own.push_back(job->start + i);
        job->fiber->pause();
        job->sum += std::sqrt((double)own.back() * own.back());
    }
}

int main()
{
    Fiber a, b;
    for (int round = 0; round < 3; round++) { /* stacks are used again */
        Job first = {&a, 10, 3, 0}, second = {&b, 100, 5, 0};
        a.start(count_up, &first);
        b.start(count_up, &second);
        bool a_done = false, b_done = false;
        int resumes = 0;
        while (!a_done || !b_done) {
            if (!a_done) a_done = a.resume();
            if (!b_done) b_done = b.resume();
            resumes++;
        }
        if (first.sum != 36 || second.sum != 515 || resumes != 6) {
            fprintf(stderr, "sums %g %g after %d\n", first.sum, second.sum, resumes);
            return 1;
        }
    }
    return 0;
}
