/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/commands.h"
#include "ipam/document.h"

enum exit_status command_explain(const struct arguments *arguments, struct error *err)
{
	auto_call(text_deinit) struct text text = {};

	if (arguments->n_words != 1) {
		(void)error_set(err, 0, "explain takes one path, as in 'loadbalancer.spec.ips'");
		return EXIT_USAGE;
	}
	if (schema_explain(arguments->words[0], &text, err) < 0)
		return EXIT_FAILED;
	if (text.failed) {
		(void)error_set(err, 0, "out of memory");
		return EXIT_FAILED;
	}
	printf("%s", text.bytes ?: "");
	return EXIT_DONE;
}
