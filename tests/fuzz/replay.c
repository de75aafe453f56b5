/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <stdio.h>

#include "base/file.h"
#include "tests/fuzz/fuzz.h"

#define INPUT_MAX (2U << 20)

/* Gives each file of the directories in its command line to a fuzzer, without libFuzzer. */

static int replay_file(const char *path)
{
	auto_free char *bytes = NULL;
	struct error err;
	size_t len;

	if (file_read(path, INPUT_MAX, &bytes, &len, &err) < 0) {
		(void)fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	(void)LLVMFuzzerTestOneInput((const uint8_t *)bytes, len);
	return 0;
}

static int replay_directory(const char *path, size_t *n_replayed)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int status = 0;

	if (!dir) {
		perror(path);
		return 1;
	}
	while ((entry = readdir(dir)) && status == 0) {
		char file[4096];

		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		status = replay_file(file);
		++*n_replayed;
	}
	(void)closedir(dir);
	return status;
}

int main(int argc, char **argv)
{
	size_t n_replayed = 0;

	for (int i = 1; i < argc; i++) {
		if (replay_directory(argv[i], &n_replayed) != 0)
			return 1;
	}
	(void)printf("%zu inputs replayed\n", n_replayed);
	return n_replayed == 0; /* an empty corpus is a mistake */
}
