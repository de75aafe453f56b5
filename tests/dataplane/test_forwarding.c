/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "dataplane/forwarding.h"
#include "tests/support/cmocka.h"
#include "tests/support/some_lb.h"

static struct forwarding *make(const char *text)
{
	auto_call(desired_lb_freep) struct desired_lb *lb = some_lb_parse(text);
	struct forwarding *forwarding = NULL;

	assert_int_equal(forwarding_new(lb, "n1", &forwarding, NULL), 0);
	return forwarding;
}

static void test_classes(void **state)
{
	static const struct {
		const char *text;
		uint8_t ipv4, ipv6;
	} rows[] = {
		{"vip 10.0.0.1\n", CLASS_REFUSE, CLASS_REFUSE},
		{"vip 10.0.0.1\ndestination 10.1.0.1\n", 1, CLASS_REFUSE},
		{"vip 10.0.0.1\ndestination 10.1.0.1 weight 0\n", CLASS_REFUSE, CLASS_REFUSE},
		{"vip fd00::1\ndestination 10.1.0.1\n", CLASS_REFUSE, CLASS_REFUSE},
		{"vip fd00::1\ndestination fd01::1 weight 256\n", CLASS_REFUSE, 5},
		{"vip 10.0.0.1\ndestination 10.1.0.1\nsize 1\n", 0, CLASS_REFUSE},
		{"vip 10.0.0.1\ndestination 10.1.0.1\nport TCP 80 to 81\n", 0x11, CLASS_REFUSE},
		{"vip 10.0.0.1\ndestination 10.1.0.1\naffinity ClientIP\n", 0x21, CLASS_REFUSE},
		{"vip 10.0.0.1\ndestination 10.1.0.1\nsource 10.0.0.0/8\n", 0x41, CLASS_REFUSE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		auto_call(forwarding_freep) struct forwarding *f = make(rows[i].text);

		if (f->classes[0] != rows[i].ipv4 || f->classes[1] != rows[i].ipv6)
			fail_msg("%s: 0x%x, 0x%x", rows[i].text, f->classes[0], f->classes[1]);
	}
}

static void test_who_is_local(void **state)
{
	auto_call(forwarding_freep) struct forwarding *f =
		make("vip 10.0.0.1\ndestination 10.1.0.1 node n1\ndestination 10.1.0.2 node n2\n"
		     "destination 10.1.0.3\n");

	(void)state;
	assert_true(f->members[0].local);
	assert_false(f->members[1].local);
	assert_true(f->members[2].local);
}

static void test_sources_do_not_overlap(void **state)
{
	auto_call(forwarding_freep) struct forwarding *f =
		make("vip 10.0.0.1\nsource 10.1.0.0/16\nsource 10.0.0.0/8\nsource 10.2.0.0/16\n"
		     "source fd00::/8\nsource 10.0.0.0/8\nsource 192.0.2.0/24\n");
	char text[CIDR_TEXT_MAX];

	(void)state;
	assert_int_equal(f->n_sources, 3);
	assert_string_equal(cidr_format(&f->sources[0], text), "10.0.0.0/8");
	assert_string_equal(cidr_format(&f->sources[1], text), "192.0.2.0/24");
	assert_string_equal(cidr_format(&f->sources[2], text), "fd00::/8");
}

static void test_ports(void **state)
{
	static const struct {
		uint8_t protocol;
		uint16_t port, first;
	} rows[] = {{PROTOCOL_TCP, 79, 0},
		    {PROTOCOL_TCP, 80, 80},
		    {PROTOCOL_TCP, 81, 0},
		    {PROTOCOL_TCP, 99, 0},
		    {PROTOCOL_TCP, 100, 100},
		    {PROTOCOL_TCP, 115, 100},
		    {PROTOCOL_TCP, 116, 0},
		    {PROTOCOL_TCP, 65535, 0},
		    {PROTOCOL_UDP, 1, 1},
		    {PROTOCOL_UDP, 80, 1},
		    {PROTOCOL_UDP, 65535, 1},
		    {PROTOCOL_SCTP, 80, 0},
		    {1, 80, 0}};
	auto_call(forwarding_freep) struct forwarding *f =
		make("vip 10.0.0.1\nport UDP 1-65535\nport TCP 100-115\nport TCP 80\n");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct forwarding_port *port =
			forwarding_find_port(f, rows[i].protocol, rows[i].port);

		if ((port ? port->first : 0) != rows[i].first)
			fail_msg("protocol %u port %u", rows[i].protocol, rows[i].port);
	}
	assert_true(forwarding_port_is_exact(forwarding_find_port(f, PROTOCOL_TCP, 100)));
	assert_false(forwarding_port_is_exact(forwarding_find_port(f, PROTOCOL_UDP, 100)));
}

/* More than 256 members need wider slots; each slot names a member of its family either way. */
static void check_slots(uint32_t n_members)
{
	auto_call(text_deinit) struct text text = {};
	auto_call(forwarding_freep) struct forwarding *f = NULL;
	size_t n = 0;

	text_add(&text, "vip 10.0.0.1\nvip fd00::1\n");
	for (uint32_t i = 0; i < n_members; i++)
		text_addf(&text, "destination 10.1.%u.%u\ndestination fd01::%x\n", i / 256, i % 256,
			  i + 1);
	f = make(text.bytes);
	assert_int_equal(f->n_members4, n_members);
	assert_true(forwarding_n_slots(f, FAMILY_IPV4) >= 8 * n_members);
	for (size_t i = 0; i < forwarding_n_slots(f, FAMILY_IPV4); i++) {
		assert_int_equal(forwarding_slot(f, FAMILY_IPV4, i)->address.family, FAMILY_IPV4);
		assert_int_equal(forwarding_slot(f, FAMILY_IPV6, i)->address.family, FAMILY_IPV6);
		n += forwarding_slot(f, FAMILY_IPV4, i) == &f->members[n_members - 1];
	}
	assert_true(n >= 6);
	assert_ptr_equal(forwarding_find_member(f, &f->members[n_members].address),
			 &f->members[n_members]);
}

static void test_slots_of_many_members(void **state)
{
	(void)state;
	check_slots(1);
	check_slots(128);
	check_slots(129);
	check_slots(1000);
}

static void test_size_of_the_usual(void **state)
{
	auto_call(text_deinit) struct text text = {};
	auto_call(forwarding_freep) struct forwarding *f = NULL;

	(void)state;
	text_add(&text, "vip 10.0.0.1\nport TCP 80\n");
	for (unsigned i = 1; i <= 16; i++)
		text_addf(&text, "destination 10.1.0.%u\n", i);
	f = make(text.bytes);
	assert_true(forwarding_size(f) < 1024);
}

static void test_what_cannot_be(void **state)
{
	auto_call(desired_lb_freep) struct desired_lb *lb =
		some_lb_parse("vip 10.0.0.1\ndestination 10.1.0.1\n");
	struct forwarding *f = NULL;
	struct error err;

	(void)state;
	lb->algorithm = SLOTS_ALGORITHM + 1;
	assert_int_equal(forwarding_new(lb, "n1", &f, &err), -ENOTSUP);
	assert_non_null(strstr(err.text, "upgrade"));
	lb->algorithm = SLOTS_ALGORITHM;
	lb->number = DESIRED_NUMBER_MAX + 1;
	assert_int_equal(forwarding_new(lb, "n1", &f, &err), -EINVAL);
	lb->number = DESIRED_NUMBER_MAX;
	lb->size_index = SLOTS_N_SIZES;
	assert_int_equal(forwarding_new(lb, "n1", &f, &err), -EINVAL);
	lb->size_index = 0;
	lb->vips[lb->n_vips++] = lb->vips[0];
	assert_int_equal(forwarding_new(lb, "n1", &f, &err), -EINVAL);
	assert_null(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_who_is_local),
		cmocka_unit_test(test_sources_do_not_overlap),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_slots_of_many_members),
		cmocka_unit_test(test_size_of_the_usual),
		cmocka_unit_test(test_what_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
