/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/text.h"
#include "messages/codec.h"

enum {
	ADDRESSES_TEXT_MAX = 1000, /* of the header that people read; the body holds them all */
	HEADERS_ROOM = 4096,       /* they count as the message, too */
	SENTENCE_ROOM = 512,       /* for the condition that tells of a cut */
};

static const char *const condition_reasons[REPORT_N_CONDITIONS] = {
	[REPORT_NAMESPACE_UNAVAILABLE] = "NamespaceUnavailable",
	[REPORT_STATE_RECALLED] = "StateRecalled",
	[REPORT_ALL_UNHEALTHY] = "AllUnhealthy",
	[REPORT_ADDRESSES_CUT] = "AddressesCut",
};

const char *report_condition_reason(enum report_condition condition)
{
	return condition_reasons[condition];
}

int report_init(struct report *report, const char *node, const char *net)
{
	auto_call(status_freep) struct status *status = calloc(1, sizeof(*status));

	*report = (struct report){.due = REPORT_NEVER};
	if (!status)
		return -ENOMEM;
	status->node = strdup(node);
	status->net = strdup(net);
	if (!status->node || !status->net)
		return -ENOMEM;
	report->status = TAKE(status);
	return 0;
}

void report_deinit(struct report *report)
{
	status_free(TAKE(report->status));
	for (size_t i = 0; i < REPORT_N_CONDITIONS; i++)
		free(TAKE(report->sentences[i]));
}

void report_soon(struct report *report, uint64_t when)
{
	if (when < report->pause_until)
		when = report->pause_until;
	if (when < report->due)
		report->due = when;
}

static int copy_missing(char **text, const char *from)
{
	if (!*text)
		*text = strdup(from);
	return *text ? 0 : -ENOMEM;
}

int report_set(struct report *report, struct status *status, uint64_t now)
{
	auto_call(status_freep) struct status *own = status;

	if (copy_missing(&own->node, report->status->node) < 0 ||
	    copy_missing(&own->net, report->status->net) < 0)
		return -ENOMEM;
	status_free(report->status);
	report->status = TAKE(own);
	report_soon(report, now);
	return 0;
}

bool report_set_condition(struct report *report, enum report_condition condition,
			  const char *sentence, uint64_t now)
{
	char **place = &report->sentences[condition];

	if (text_equal(*place, sentence))
		return false;
	free(*place);
	*place = sentence ? strndup(sentence, STATUS_SENTENCE_MAX - 1) : NULL;
	report_soon(report, now);
	return true;
}

/* The status with our own conditions behind the kernel thread's; borrows all of them. */
static int add_conditions(const struct report *report, struct status *status)
{
	struct status_condition *all;
	size_t n = 0;

	all = calloc(STATUS_CONDITIONS_MAX, sizeof(*all));
	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < REPORT_N_CONDITIONS; i++) {
		if (report->sentences[i])
			all[n++] = (struct status_condition){(char *)condition_reasons[i],
							     report->sentences[i]};
	}
	for (size_t i = 0; i < status->n_conditions && n < STATUS_CONDITIONS_MAX; i++)
		all[n++] = status->conditions[i];
	status->conditions = all;
	status->n_conditions = n;
	return 0;
}

static int addresses_text(const struct status *status, char **ret_text)
{
	auto_call(text_deinit) struct text text = {};
	size_t len;

	for (size_t i = 0; i < status->n_addresses; i++) {
		char address[ADDRESS_TEXT_MAX];

		if (text.len > ADDRESSES_TEXT_MAX) {
			text_add(&text, " ...");
			break;
		}
		text_addf(&text, "%s%s", i ? " " : "",
			  address_format(&status->addresses[i], address));
	}
	return text_take(&text, ret_text, &len);
}

/* What an address takes, with its tag and length. */
static size_t packed_size(const struct address *address)
{
	return address->family == FAMILY_IPV4 ? 6 : 18;
}

/* How many addresses fit into a message that takes `len` bytes with `n` of them. */
static size_t fitting(const struct status *status, size_t n, size_t len)
{
	const size_t most = CODEC_MESSAGE_MAX - HEADERS_ROOM;
	bool fits = n == status->n_addresses && len <= most;

	if (!fits)
		len += SENTENCE_ROOM;
	while (!fits && n > 0 && len > most)
		len -= packed_size(&status->addresses[--n]);
	return n;
}

static int pack_first(const struct report *report, size_t n_addresses, void **ret_bytes,
		      size_t *ret_len)
{
	struct status full = *report->status;
	int r;

	full.n_addresses = n_addresses;
	r = add_conditions(report, &full);
	if (r < 0)
		return r;
	r = status_pack(&full, ret_bytes, ret_len);
	free(full.conditions);
	return r;
}

/* All addresses, or as many as a message has room for. */
static int pack(struct report *report, void **ret_bytes, size_t *ret_len)
{
	const struct status *status = report->status;
	auto_free void *bytes = NULL;
	char sentence[STATUS_SENTENCE_MAX];
	size_t n = status->n_addresses, n_fit;
	int r;

	free(TAKE(report->sentences[REPORT_ADDRESSES_CUT]));
	if (n > STATUS_ADDRESSES_MAX)
		n = STATUS_ADDRESSES_MAX;
	r = pack_first(report, n, &bytes, ret_len);
	if (r < 0)
		return r;
	n_fit = fitting(status, n, *ret_len);
	if (n_fit == status->n_addresses) {
		*ret_bytes = TAKE(bytes);
		return 0;
	}
	(void)snprintf(
		sentence, sizeof(sentence),
		"%zu of the %zu addresses that this node forwards have no room in its status: "
		"their LoadBalancers look as if it did not forward them. Divide the Network",
		status->n_addresses - n_fit, status->n_addresses);
	report->sentences[REPORT_ADDRESSES_CUT] = strdup(sentence);
	return pack_first(report, n_fit, ret_bytes, ret_len);
}

int report_take(struct report *report, uint64_t now, uint64_t random, void **ret_bytes,
		size_t *ret_len, char **ret_addresses)
{
	auto_free char *addresses = NULL;
	int r;

	report->pause_until = now + REPORT_PAUSE_MS;
	report->due = now + REPORT_REFRESH_MS / 2 + random % REPORT_REFRESH_MS;
	r = addresses_text(report->status, &addresses);
	if (r == 0)
		r = pack(report, ret_bytes, ret_len);
	if (r == 0)
		*ret_addresses = TAKE(addresses);
	return r;
}
