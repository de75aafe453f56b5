/* SPDX-License-Identifier: Apache-2.0 */
#include "base/require.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void require_failed(const char *file, int line, const char *what)
{
	(void)fprintf(stderr, "<2>%s:%d: broken invariant: %s\n", file, line, what);
	abort();
}
