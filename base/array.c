/* SPDX-License-Identifier: Apache-2.0 */
#include "base/array.h"

#include <stdint.h>
#include <string.h>

int array_grow(void *items, size_t n, size_t size)
{
	void *old, *grown;

	if (n & (n - 1)) /* not at a power of two: there is room */
		return 0;
	if (n > SIZE_MAX / 2 / size)
		return -ENOMEM;
	memcpy(&old, items, sizeof(old));
	grown = realloc(old, (n ? 2 * n : 1) * size);
	if (!grown)
		return -ENOMEM;
	memcpy(items, &grown, sizeof(grown));
	return 0;
}
