/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/some_cloud.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "ipam/decide.h"
#include "ipam/document.h"
#include "tests/support/cmocka.h"

static void apply_one(struct catalog *catalog, const struct object *wanted, uint64_t *sequence)
{
	static uint8_t n_uids;
	struct moment moment = {.now_ms = 1, .fresh_uid = {.bytes = {++n_uids, 1}}};
	struct verdict verdict = {};
	struct object *old = NULL;

	assert_int_equal(decide_apply(catalog, wanted, &moment, &verdict), 0);
	assert_true(verdict.outcome == VERDICT_CREATED || verdict.outcome == VERDICT_CONFIGURED);
	verdict.object->meta.resource_version = ++*sequence;
	assert_int_equal(catalog_put(catalog, TAKE(verdict.object), &old), 0);
	object_free(old);
	verdict_deinit(&verdict);
}

void some_cloud_apply(struct catalog *catalog, const char *manifest, uint64_t *sequence)
{
	struct documents documents = {};

	assert_int_equal(documents_read(manifest, strlen(manifest), "default", &documents), 0);
	ARRAY_FOREACH(document, documents.items, documents.n_items) {
		if (!document->object)
			fail_msg("%s: %s", document->title,
				 document->problems.n_items ? document->problems.items[0].detail
							    : "?");
		apply_one(catalog, document->object, sequence);
	}
	documents_deinit(&documents);
}

const char *some_cloud_lb(const char *name, const char *ip, unsigned port)
{
	static char manifest[1024];

	(void)snprintf(manifest, sizeof(manifest),
		       "apiVersion: networking.ironcore.dev/v1alpha1\n"
		       "kind: LoadBalancer\n"
		       "metadata: {name: %s}\n"
		       "spec:\n"
		       "  type: Internal\n"
		       "  networkRef: {name: net}\n"
		       "  ipFamilies: [IPv4]\n"
		       "  ips: [{ip: %s}]\n"
		       "  networkInterfaceSelector: {matchLabels: {app: web}}\n"
		       "  ports: [{port: %u}]\n",
		       name, ip, port);
	return manifest;
}
