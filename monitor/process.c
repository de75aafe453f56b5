/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor/process.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "monitor/exposition.h"

static void write_cpu(struct text *text)
{
	static const char name[] = "process_cpu_seconds_total";
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage) < 0)
		return;
	exposition_metric(text, EXPOSITION_COUNTER, name,
			  "Total user and system CPU time spent in seconds.");
	exposition_seconds(text, name, NULL, 0,
			   (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
				   (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) /
					   1000);
}

/* "/proc/self/statm": the second number is resident pages. */
static void write_memory(struct text *text)
{
	auto_free char *statm = NULL;
	uint64_t pages;
	char *number, *rest;
	size_t len;

	if (file_read("/proc/self/statm", 4096, &statm, &len, NULL) < 0)
		return;
	rest = statm;
	(void)strsep(&rest, " ");
	number = strsep(&rest, " ");
	if (!number || text_parse_u64(number, UINT64_MAX, &pages) < 0)
		return;
	exposition_single(text, EXPOSITION_GAUGE, "process_resident_memory_bytes",
			  "Resident memory size in bytes.",
			  pages * (uint64_t)sysconf(_SC_PAGESIZE));
}

static void write_descriptors(struct text *text)
{
	DIR *directory = opendir("/proc/self/fd");
	uint64_t n = 0;

	if (!directory)
		return;
	while (readdir(directory))
		n++;
	(void)closedir(directory);
	exposition_single(text, EXPOSITION_GAUGE, "process_open_fds",
			  "Number of open file descriptors.", n > 3 ? n - 3 : 0);
}

/* "/proc/self/stat": the 22nd field, 20 behind the command's name, in ticks since the boot. */
static int read_start(uint64_t *ret_ticks)
{
	auto_free char *stat = NULL;
	char *rest, *field = NULL;
	size_t len;
	int r = file_read("/proc/self/stat", 4096, &stat, &len, NULL);

	if (r < 0)
		return r;
	rest = strrchr(stat, ')');
	for (int i = 0; i < 21 && rest; i++)
		field = strsep(&rest, " ");
	return field ? text_parse_u64(field, UINT64_MAX, ret_ticks) : -ENODATA;
}

static void write_start(struct text *text)
{
	static const char name[] = "process_start_time_seconds";
	struct timespec boot, now;
	uint64_t ticks, now_ms, up_ms;

	if (read_start(&ticks) < 0)
		return;
	(void)clock_gettime(CLOCK_BOOTTIME, &boot); /* neither can fail */
	(void)clock_gettime(CLOCK_REALTIME, &now);
	now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	up_ms = (uint64_t)boot.tv_sec * 1000 + (uint64_t)boot.tv_nsec / 1000000;
	exposition_metric(text, EXPOSITION_GAUGE, name,
			  "Start time of the process since unix epoch in seconds.");
	exposition_seconds(text, name, NULL, 0,
			   now_ms - up_ms + ticks * 1000 / (uint64_t)sysconf(_SC_CLK_TCK));
}

void process_write(struct text *text)
{
	write_cpu(text);
	write_memory(text);
	write_descriptors(text);
	write_start(text);
}
