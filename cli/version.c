/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/commands.h"

enum exit_status command_version(const struct arguments *arguments, struct error *err)
{
	(void)arguments;
	(void)err;
	printf("ilb %s\n", ILB_VERSION);
	return EXIT_DONE;
}
