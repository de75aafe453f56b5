/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "cli/decoded.h"
#include "ipam/document.h"
#include "messages/codec.h"
#include "tests/support/cmocka.h"

#define ID    "01020304-0506-4708-890a-0b0c0d0e0f10"
#define OTHER "11121314-1516-4718-991a-1b1c1d1e1f20"

static struct uuid uuid(const char *text)
{
	struct uuid id;

	assert_int_equal(uuid_parse(text, &id), 0);
	return id;
}

static struct address address(const char *text)
{
	struct address parsed;

	assert_int_equal(address_parse(text, &parsed), 0);
	return parsed;
}

static void *pack_desired(size_t *ret_len)
{
	struct desired_port port = {PROTOCOL_TCP, 80, 80, 8080};
	struct desired_destination destinations[] = {
		{address("10.1.0.1"), 1, (char *)"node-1", false},
		{address("10.1.0.2"), 0, NULL, false}};
	struct cidr source;
	struct desired_lb lb = {.uid = uuid(ID),
				.name = (char *)"default/web",
				.generation = 3,
				.number = 7,
				.size_index = 1,
				.algorithm = 1,
				.vips = {address("10.0.0.1")},
				.n_vips = 1,
				.ports = &port,
				.n_ports = 1,
				.destinations = destinations,
				.n_destinations = 2,
				.source_ranges = &source,
				.n_source_ranges = 1};
	struct desired_lb *lbs[] = {&lb};
	struct uuid removed = uuid(OTHER);
	struct desired desired = {.net = (char *)"default_net",
				  .epoch = uuid(ID),
				  .revision = 9,
				  .previous = 8,
				  .part = 1,
				  .n_parts = 1,
				  .lbs = lbs,
				  .n_lbs = 1,
				  .removed = &removed,
				  .n_removed = 1};
	void *bytes;

	assert_int_equal(cidr_parse("10.0.0.0/8", &source), 0);
	assert_int_equal(desired_pack(&desired, &bytes, ret_len), 0);
	return bytes;
}

static void *pack_status(size_t *ret_len)
{
	struct address served = address("10.0.0.1");
	struct status_refusal refusal = {uuid(OTHER), (char *)"no room"};
	struct status_condition condition = {(char *)"ForwardingDisabled", (char *)"turn it on"};
	struct status status = {.node = (char *)"node-1",
				.net = (char *)"default_net",
				.epoch = uuid(ID),
				.revision = 9,
				.digest = 0xabc,
				.addresses = &served,
				.n_addresses = 1,
				.refusals = &refusal,
				.n_refusals = 1,
				.n_refused = 1,
				.conditions = &condition,
				.n_conditions = 1,
				.applied_at_ms = 5};
	void *bytes;

	assert_int_equal(status_pack(&status, &bytes, ret_len), 0);
	return bytes;
}

static void *pack_sync(size_t *ret_len)
{
	struct sync_net net = {(char *)"default_net", 9, 0xabc, true};
	struct sync sync = {(char *)"node-1", uuid(ID), 9, &net, 1};
	void *bytes;

	assert_int_equal(sync_pack(&sync, &bytes, ret_len), 0);
	return bytes;
}

static void *pack_alive(size_t *ret_len)
{
	char *net = (char *)"default_net";
	struct alive alive = {(char *)"node-1", uuid(ID), (char *)"0.1.0", &net, 1};
	void *bytes;

	assert_int_equal(alive_pack(&alive, &bytes, ret_len), 0);
	return bytes;
}

static void *pack_health(size_t *ret_len)
{
	struct health_verdict verdicts[] = {
		{address("10.1.0.1"), 0xabc, true, 5, 6, (char *)"Connected", address("10.1.0.9")},
		{address("10.1.0.2"), HEALTH_CHECK_LINK, false, 7, 0, (char *)"LinkDown", {}}};
	struct health health = {.node = (char *)"node-1",
				.net = (char *)"default_net",
				.boot = uuid(ID),
				.full = true,
				.verdicts = verdicts,
				.n_verdicts = 2};
	void *bytes;

	assert_int_equal(health_pack(&health, &bytes, ret_len), 0);
	return bytes;
}

static void *pack_probe(size_t *ret_len)
{
	struct probe probe = {(char *)"default_net", (char *)"node-2", 8, 1};
	void *bytes;

	assert_int_equal(probe_pack(&probe, &bytes, ret_len), 0);
	return bytes;
}

static const struct {
	const char *name, *subject;
	void *(*pack)(size_t *ret_len);
	const char *text;
} rows[] = {
	{"desired", "ilb.v1.state.default_net", pack_desired,
	 "net: default_net\n"
	 "epoch: " ID
	 "\nrevision: 9\nprevious: 8\nsnapshot: false\nresync: false\npart: 1\nparts: 1\n"
	 "loadBalancers:\n"
	 "- name: default/web\n  uid: " ID "\n  generation: 3\n  number: 7\n  slots: 16\n"
	 "  algorithm: 1\n  affinity: None\n  whenAllUnhealthy: Reject\n  drainSeconds: 0\n"
	 "  vips:\n  - 10.0.0.1\n"
	 "  ports:\n  - protocol: TCP\n    first: 80\n    last: 80\n    target: 8080\n"
	 "  destinations:\n  - address: 10.1.0.1\n    weight: 1\n    node: node-1\n"
	 "  - address: 10.1.0.2\n    weight: 0\n"
	 "  sourceRanges:\n  - 10.0.0.0/8\n"
	 "removed:\n- " OTHER "\n"},
	{"status", "ilb.v1.status.node-1.default_net", pack_status,
	 "node: node-1\nnet: default_net\nepoch: " ID "\nrevision: 9\ndigest: 0000000000000abc\n"
	 "refused: 1\nappliedAtMilliseconds: 5\naddresses:\n- 10.0.0.1\n"
	 "refusals:\n- uid: " OTHER "\n  sentence: \"no room\"\n"
	 "conditions:\n- reason: ForwardingDisabled\n  sentence: \"turn it on\"\n"},
	{"sync", "ilb.v1.sync.node-1", pack_sync,
	 "node: node-1\nepoch: " ID "\nrevision: 9\nnets:\n"
	 "- net: default_net\n  revision: 9\n  digest: 0000000000000abc\n  stale: true\n"},
	{"alive", "ilb.v1.alive.node-1", pack_alive,
	 "node: node-1\nboot: " ID "\nversion: 0.1.0\nnets:\n- default_net\n"},
	{"health", "ilb.v1.health.default_net.node-1", pack_health,
	 "node: node-1\nnet: default_net\nboot: " ID "\nfull: true\ndead: false\nverdicts:\n"
	 "- address: 10.1.0.1\n  check: 0000000000000abc\n  healthy: true\n  reason: Connected\n"
	 "  sinceMilliseconds: 5\n  checkedMilliseconds: 6\n  source: 10.1.0.9\n"
	 "- address: 10.1.0.2\n  check: \"0000000000000000\"\n  healthy: false\n  reason: LinkDown\n"
	 "  sinceMilliseconds: 7\n  checkedMilliseconds: 0\n"},
	{"probe", "ilb.v1.probe.node-1", pack_probe,
	 "net: default_net\nnode: node-2\nasked: 8\nanswered: 1\n"},
};

static void expect_text(size_t i, const char *type)
{
	auto_call(json_decrefp) json_t *json = NULL;
	auto_call(text_deinit) struct text text = {};
	struct error err = {};
	auto_free void *bytes = NULL;
	size_t len;

	bytes = rows[i].pack(&len);
	if (decoded_json(type, bytes, len, &json, &err) < 0)
		fail_msg("%s as %s: %s", rows[i].name, type ?: "anything", err.text);
	assert_int_equal(yaml_from_json(json, &text), 0);
	assert_string_equal(text.bytes, rows[i].text);
}

static void test_every_message(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		expect_text(i, rows[i].name);
		expect_text(i, rows[i].subject);
		expect_text(i, NULL);
	}
}

static void test_refuses_with_a_sentence(void **state)
{
	static const struct {
		const char *type, *sentence;
		int code;
	} bad[] = {
		{"nonsense",
		 "'nonsense': must be desired, status, sync, alive, health, probe, note, or the subject of one",
		 -EINVAL},
		{"ilb.v1.apply.default",
		 "'ilb.v1.apply.default': must be desired, status, sync, alive, health, probe, note, or the subject of one",
		 -EINVAL},
		{NULL, "it is no message of ilb; name its type to learn what is wrong", -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_t *json = NULL;
		struct error err = {};

		assert_int_equal(decoded_json(bad[i].type, "???", 3, &json, &err), bad[i].code);
		assert_string_equal(err.text, bad[i].sentence);
		assert_null(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_message),
		cmocka_unit_test(test_refuses_with_a_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
