/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/require.h"
#include "tests/support/cmocka.h"

/* The signal that ends a process which requires `truth`; 0 when it goes on. */
static int signal_after_requiring(bool truth)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		/* The message is for whoever debugs a crash; there should be no core either. */
		(void)setrlimit(RLIMIT_CORE, &(struct rlimit){});
		(void)close(STDERR_FILENO);
		(void)signal(SIGABRT, SIG_DFL); /* cmocka's handler would report a failure */
		require(truth);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void test_a_broken_invariant_ends_the_process(void **state)
{
	(void)state;
	assert_int_equal(signal_after_requiring(true), 0);
	assert_int_equal(signal_after_requiring(false), SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_broken_invariant_ends_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
