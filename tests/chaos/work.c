/* A task that tells an outside ledger what really happened.

   work KEY LINES MILLISECONDS CODE [LEFTOVERS]

   Appends `start`, `overlap` and `end` lines to $CHAOS_LEDGER/ledger, each with one write to a file
   opened O_APPEND. While it lives, and while anything it started lives, it holds a lock on a file
   of its task: a second execution of the same task that finds it locked has proof of an overlap,
   whatever any clock says. Prints LINES numbered lines on stdout and a tenth on stderr, spread over
   MILLISECONDS. With LEFTOVERS it leaves two children behind that ignore SIGTERM and have sessions
   of their own, one of them holding its output open.

   Line: what run task attempt fence pid agent key boottime_us [holder…]. It knows nothing of CDKTR
   but the variables that tasks are given. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

static const char *run, *task, *attempt, *fence, *agent, *key;
static int ledger;

static const char *variable(const char *name)
{
	const char *value = getenv(name);
	return value && *value ? value : "-";
}

static long long now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static void tell(const char *what, const char *more)
{
	char line[1024];
	int size = snprintf(line, sizeof line, "%s %s %s %s %s %d %s %s %lld %s\n", what, run, task,
			    attempt, fence, (int)getpid(), agent, key, now_us(), more);
	if (write(ledger, line, size) != size)
		_exit(99);
}

static void lock_task(const char *directory)
{
	char path[4096], holder[256] = "";
	snprintf(path, sizeof path, "%s/locks/%s.%s", directory, run, task);
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	if (fd < 0)
		_exit(98);
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		ssize_t size = pread(fd, holder, sizeof holder - 1, 0);
		holder[size > 0 ? size : 0] = 0;
		tell("overlap", holder);
		return;
	}
	int size = snprintf(holder, sizeof holder, "%s %s %d %s", attempt, fence, (int)getpid(), agent);
	if (ftruncate(fd, 0) || pwrite(fd, holder, size, 0) != size)
		_exit(97);
}

static void leave_children(void)
{
	for (int child = 0; child < 2; child++) {
		if (fork())
			continue;
		setsid();
		signal(SIGTERM, SIG_IGN);
		signal(SIGHUP, SIG_IGN);
		if (child == 0) {
			close(1);
			close(2);
		}
		if (fork())
			_exit(0);
		for (;;)
			pause();
	}
}

static void put(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t done = write(fd, data, size);
		if (done < 0 && errno != EINTR)
			_exit(96);
		if (done > 0) {
			data += done;
			size -= done;
		}
	}
}

static size_t line_text(char *line, size_t room, long number)
{
	static const char filling[] = "..........................................................";
	return snprintf(line, room, "%s/%s/%s %ld %.*s\n", run, task, attempt, number,
			(int)(number * 7919 % 53), filling);
}

/* About 25 pieces; a piece ends anywhere, also within a line. */
static void print_lines(long lines, long milliseconds)
{
	static char out[1 << 16];
	size_t used = 0;
	long pieces = lines < 25 ? (lines ? lines : 1) : 25;
	struct timespec pause = {milliseconds / pieces / 1000, milliseconds / pieces % 1000 * 1000000};
	for (long piece = 0, number = 0; piece < pieces; piece++) {
		for (; number < lines * (piece + 1) / pieces; number++) {
			used += line_text(out + used, sizeof out - used, number);
			if (number % 10 == 0) {
				char line[256];
				put(2, line, line_text(line, sizeof line, number));
			}
			if (used > sizeof out - 512) {
				put(1, out, used);
				used = 0;
			}
		}
		size_t cut = piece + 1 < pieces && used ? used - used % 7 : used;
		put(1, out, cut);
		memmove(out, out + cut, used - cut);
		used -= cut;
		if (milliseconds)
			nanosleep(&pause, NULL);
	}
}

int main(int count, char **words)
{
	const char *directory = getenv("CHAOS_LEDGER");
	if (count < 5 || !directory)
		return 95;
	char path[4096];
	run = variable("CDKTR_RUN_ID");
	task = variable("CDKTR_TASK_ID");
	attempt = variable("CDKTR_ATTEMPT");
	fence = variable("CDKTR_FENCE");
	agent = variable("CHAOS_AGENT");
	key = strcmp(words[1], "-") ? words[1] : variable("CDKTR_PAYLOAD");
	snprintf(path, sizeof path, "%s/ledger", directory);
	ledger = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (ledger < 0)
		return 94;
	lock_task(directory);
	tell("start", "");
	if (count > 5)
		leave_children();
	print_lines(atol(words[2]), atol(words[3]));
	tell("end", "");
	return atoi(words[4]);
}
