/* What the machine itself can do: spawn N INFLIGHT starts /bin/true N times with posix_spawn, both
   outputs captured over pipes and read to their end, INFLIGHT at a time, and prints starts a second.
   Started several times at once it uses several cores; the caller adds up. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

struct child { pid_t pid; int out, err; };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static struct child start(void) {
  static char *argv[] = {"/bin/true", NULL};
  struct child c;
  int out[2], err[2];
  posix_spawn_file_actions_t to;
  if (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC)) exit(3);
  posix_spawn_file_actions_init(&to);
  posix_spawn_file_actions_adddup2(&to, out[1], 1);
  posix_spawn_file_actions_adddup2(&to, err[1], 2);
  if (posix_spawn(&c.pid, argv[0], &to, NULL, argv, environ)) exit(4);
  posix_spawn_file_actions_destroy(&to);
  close(out[1]);
  close(err[1]);
  c.out = out[0];
  c.err = err[0];
  return c;
}

static void finish(struct child c) {
  char buffer[4096];
  int status;
  while (read(c.out, buffer, sizeof buffer) > 0) {}
  while (read(c.err, buffer, sizeof buffer) > 0) {}
  close(c.out);
  close(c.err);
  waitpid(c.pid, &status, 0);
}

int main(int argc, char **argv) {
  int n = argc > 1 ? atoi(argv[1]) : 1000, flight = argc > 2 ? atoi(argv[2]) : 1;
  struct child *children = calloc(flight, sizeof *children);
  double began = now();
  for (int i = 0; i < n + flight; i++) {
    struct child *slot = &children[i % flight];
    if (slot->pid) finish(*slot);
    slot->pid = 0;
    if (i < n) *slot = start();
  }
  printf("%.0f\n", n / (now() - began));
  return 0;
}
