/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/require.h"
#include "ipam/document.h"
#include "tests/fuzz/fuzz.h"

/* Records of the store, which whoever can write to the bucket may have written. */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	auto_call(object_freep) struct object *object = NULL, *again = NULL;
	auto_free char *text = NULL, *other = NULL;
	char key[OBJECT_KEY_MAX];
	struct error err;
	size_t n;

	if (object_store_parse((const char *)bytes, len, &object, &err) < 0)
		return 0;
	require(strlen(object_key(object, key)) < sizeof(key));
	require(object_store_format(object, &text, &n) == 0);
	require(object_store_parse(text, n, &again, &err) == 0);
	require(object_store_format(again, &other, &n) == 0);
	require(strcmp(text, other) == 0);
	return 0;
}
