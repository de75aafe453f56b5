/* SPDX-License-Identifier: Apache-2.0 */
#include "base/address.h"
#include "tests/support/cmocka.h"

static void test_parse_accepts_and_canonicalises(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"10.0.0.1", "10.0.0.1"},
		{"2001:DB8::1", "2001:db8::1"},
		{"::ffff:10.0.0.1", "::ffff:10.0.0.1"},
		{"0.0.0.0", "0.0.0.0"},
		{"::", "::"},
		{"255.255.255.255", "255.255.255.255"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct address address;
		char text[ADDRESS_TEXT_MAX];

		assert_int_equal(address_parse(rows[i].in, &address), 0);
		assert_string_equal(address_format(&address, text), rows[i].out);
	}
}

static void test_parse_refuses(void **state)
{
	static const char *const rows[] = {"",
					   "10.0.0",
					   "10.0.0.01",
					   " 10.0.0.1",
					   "1.2.3.4%eth0",
					   "fe80::1%eth0",
					   "10.0.0.1/32",
					   "10.0.0.256",
					   "1:2:3",
					   "x"};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct address address = {};

		if (address_parse(rows[i], &address) == 0)
			fail_msg("'%s' was accepted", rows[i]);
		assert_int_equal(address.family, FAMILY_NONE);
	}
}

static void test_cidr(void **state)
{
	static const struct {
		const char *in;
		bool ok, host_bits;
	} rows[] = {
		{"10.0.0.0/8", true, false},    {"10.0.0.1/8", true, true},
		{"0.0.0.0/0", true, false},     {"::/0", true, false},
		{"10.0.0.1/32", true, false},   {"2001:db8::1/128", true, false},
		{"2001:db8::1/64", true, true}, {"10.0.0.0/33", false, false},
		{"::/129", false, false},       {"10.0.0.0/-1", false, false},
		{"10.0.0.0", false, false},     {"10.0.0.0/08", false, false},
		{"10.0.0.0/+8", false, false},  {"fe80::%eth0/64", false, false},
		{"10.0.0.0/", false, false},    {"/8", false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cidr cidr;
		int r = cidr_parse(rows[i].in, &cidr);

		if ((r == 0) != rows[i].ok)
			fail_msg("'%s': %d", rows[i].in, r);
		if (r == 0 && cidr_has_host_bits(&cidr) != rows[i].host_bits)
			fail_msg("'%s': wrong about host bits", rows[i].in);
	}
}

static void test_containment(void **state)
{
	static const struct {
		const char *a, *b;
		bool a_covers_b, overlap;
	} rows[] = {
		{"10.0.0.0/8", "10.1.0.0/16", true, true},
		{"10.1.0.0/16", "10.0.0.0/8", false, true},
		{"10.0.0.0/8", "10.0.0.0/8", true, true},
		{"10.0.0.0/9", "10.128.0.0/9", false, false},
		{"0.0.0.0/0", "255.255.255.255/32", true, true},
		{"0.0.0.0/0", "::/0", false, false},
		{"::/0", "ffff::/16", true, true},
		{"2001:db8::/127", "2001:db8::2/127", false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cidr a, b;

		assert_int_equal(cidr_parse(rows[i].a, &a), 0);
		assert_int_equal(cidr_parse(rows[i].b, &b), 0);
		if (cidr_covers(&a, &b) != rows[i].a_covers_b ||
		    cidr_overlaps(&a, &b) != rows[i].overlap)
			fail_msg("row %s %s", rows[i].a, rows[i].b);
	}
}

static void test_host_addresses(void **state)
{
	static const struct {
		const char *address, *why;
	} rows[] = {
		{"10.0.0.1", NULL},
		{"2607:f0d0:1002:51::4", NULL},
		{"0.0.0.0", "unspecified"},
		{"::", "unspecified"},
		{"127.0.0.1", "loopback"},
		{"::1", "loopback"},
		{"224.0.0.1", "multicast"},
		{"ff02::1", "multicast"},
		{"169.254.1.1", "link-local"},
		{"fe80::1", "link-local"},
		{"255.255.255.255", "broadcast"},
		{"::ffff:10.0.0.1", "IPv4-mapped"},
		{"240.0.0.1", "reserved"},
		{"fd00::1", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct address address;
		const char *why;

		assert_int_equal(address_parse(rows[i].address, &address), 0);
		why = address_why_not_host(&address);
		if ((!why) != (!rows[i].why))
			fail_msg("%s: %s", rows[i].address, why ? why : "(host)");
		if (why)
			assert_string_equal(why, rows[i].why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_accepts_and_canonicalises),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_cidr),
		cmocka_unit_test(test_containment),
		cmocka_unit_test(test_host_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
