/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <string.h>

#include "base/address.h"
#include "base/require.h"
#include "base/text.h"
#include "base/uuid.h"
#include "cli/arguments.h"
#include "cli/context.h"
#include "ipam/selector.h"
#include "messages/bus.h"
#include "messages/bus_private.h"
#include "messages/subjects.h"
#include "monitor/scrape.h"
#include "tests/fuzz/fuzz.h"

/*
 * What comes as words: names of namespaces, subjects, addresses, numbers, selectors, options and the
 * addresses of NATS servers. The first byte chooses the reader; the rest is text.
 */

static void read_namespace_name(const char *text)
{
	char name_space[64], name[254], token[SUBJECT_TOKEN_MAX + 1];

	if (subject_net_names(text, name_space, name) < 0)
		return;
	require(subject_net_token(name_space, name, token) == 0);
	require(strcmp(token, text) == 0 && subject_is_token(token) && !strchr(token, '/'));
}

static void read_subject(const char *text)
{
	struct subject subject;

	if (subject_parse(text, &subject) < 0)
		return;
	require(strlen(text) < SUBJECT_MAX);
	require(!subject.node[0] || subject_is_token(subject.node));
	require(!subject.net[0] || subject_is_token(subject.net));
}

static void read_address(const char *text)
{
	char formatted[ADDRESS_TEXT_MAX];
	struct address address, again;
	struct cidr cidr;

	if (address_parse(text, &address) == 0) {
		require(address_parse(address_format(&address, formatted), &again) == 0);
		require(address_equal(&address, &again));
	}
	if (cidr_parse(text, &cidr) == 0)
		require(cidr.len <= family_bits(cidr.address.family));
}

static void read_number(const char *text)
{
	struct uuid uuid;
	int64_t signed_value;
	uint64_t value;

	if (text_parse_u64(text, 1000, &value) == 0)
		require(value <= 1000);
	if (text_parse_i64(text, -10, 10, &signed_value) == 0)
		require(signed_value >= -10 && signed_value <= 10);
	(void)!uuid_parse(text, &uuid);
}

static void read_selector(const char *text)
{
	struct selector *selector = NULL;
	struct error err = {};

	if (selector_parse(text, &selector, &err) < 0)
		require(err.text[0] && !selector);
	selector_free(selector);
}

/* A word each line. */
static void read_options(char *text)
{
	char *argv[32] = {(char *)"ilb"};
	struct arguments arguments;
	struct error err = {};
	int argc = 1;

	for (char *word; argc < 31 && (word = strsep(&text, "\n"));)
		argv[argc++] = word;
	optind = 0; /* getopt(3): all anew */
	if (arguments_parse(argc, argv, "nfloWDFNTCts", &arguments, &err) < 0)
		require(err.text[0]);
}

static void read_servers(const char *text)
{
	const struct bus_options options = {.servers = text, .inbox_prefix = "_INBOX"};
	natsOptions *native = NULL;
	struct error err = {};

	if (bus_options_native(&options, &native, &err) < 0)
		require(err.text[0]);
	else
		natsOptions_Destroy(native);
}

/* A file of natscli's, and what it makes of an option. */
static void read_context(const char *text)
{
	struct context context = {.name = "x", .json = json_loads(text, 0, NULL)};
	struct bus_options options = {};
	struct error err = {};

	if (json_is_object(context.json) && context_apply(&context, &options, &err) < 0)
		require(err.text[0]);
	context_deinit(&context);
}

static void read_place(const char *text)
{
	struct scrape_place place;
	struct error err = {};

	if (scrape_parse(text, &place, &err) < 0)
		require(err.text[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	auto_free char *text = len > 0 ? strndup((const char *)bytes + 1, len - 1) : NULL;

	if (!text)
		return 0;
	switch (bytes[0] % 9) {
	case 0:
		read_namespace_name(text);
		break;
	case 1:
		read_subject(text);
		break;
	case 2:
		read_address(text);
		break;
	case 3:
		read_number(text);
		break;
	case 4:
		read_selector(text);
		break;
	case 5:
		read_options(text);
		break;
	case 7:
		read_context(text);
		break;
	case 8:
		read_place(text);
		break;
	default:
		read_servers(text);
		break;
	}
	return 0;
}
