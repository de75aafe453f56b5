/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/require.h"
#include "dataplane/cleanup.h"
#include "dataplane/writer.h"

/*
 * Elements belong to one of three: to a mark (slot, self, src), to a VIP (svc, rng, tport, vip) or
 * to the number (acct). What belongs to a mark can be written before anything leads to it; so
 * where the mark changes, all of it is written under the new mark, then svc and rng are switched,
 * then what belongs to the old mark goes. Within one mark, elements are exchanged in place.
 */
struct diff {
	struct writer writer;
	const struct forwarding *have, *want;
	enum family family;
	uint32_t have_mark, want_mark; /* 0: has no VIP of the family */
};

static const enum family families[] = {FAMILY_IPV4, FAMILY_IPV6};

static const struct address *vip_of(const struct forwarding *f, enum family family)
{
	return f && f->vips[family_index(family)].family ? &f->vips[family_index(family)] : NULL;
}

static uint32_t mark_of(const struct forwarding *f, enum family family)
{
	return vip_of(f, family) ? forwarding_mark(f, family) : 0;
}

static void add_slot(struct diff *d, const struct forwarding *f, uint32_t mark, size_t slot,
		     bool add)
{
	struct text *text = writer_element(&d->writer, add);

	writer_mark(text, mark);
	text_add(text, " . ");
	writer_number(text, (uint32_t)slot);
	if (add) {
		text_add(text, " : ");
		writer_address(text, &forwarding_slot(f, d->family, slot)->address);
	}
}

/* All slots of a mark are added or deleted. */
static void all_slots(struct diff *d, const struct forwarding *f, uint32_t mark, bool add)
{
	size_t n = forwarding_n_slots(f, d->family);

	writer_section(&d->writer, "slot", d->family);
	for (size_t i = 0; i < n; i++) {
		add_slot(d, f, mark, i, add);
	}
}

static void changed_slots(struct diff *d)
{
	size_t n = forwarding_n_slots(d->want, d->family);

	writer_section(&d->writer, "slot", d->family);
	for (size_t i = 0; i < n; i++) {
		if (address_equal(&forwarding_slot(d->have, d->family, i)->address,
				  &forwarding_slot(d->want, d->family, i)->address))
			continue;
		add_slot(d, d->have, d->have_mark, i, false);
		add_slot(d, d->want, d->want_mark, i, true);
	}
}

static bool has_self(const struct forwarding *f, const struct address *address)
{
	const struct forwarding_member *member = f ? forwarding_find_member(f, address) : NULL;

	return member && member->local;
}

/* The local destinations of `f` that `other` (may be NULL) has not. */
static void self_elements(struct diff *d, const struct forwarding *f,
			  const struct forwarding *other, uint32_t mark, bool add)
{
	writer_section(&d->writer, "self", d->family);
	ARRAY_FOREACH(member, f->members, f->n_members) {
		struct text *text;

		if (member->address.family != d->family || !member->local ||
		    has_self(other, &member->address))
			continue;
		text = writer_element(&d->writer, add);
		writer_mark(text, mark);
		text_add(text, " . ");
		writer_address(text, &member->address);
		text_add(text, " . ");
		writer_address(text, &member->address);
	}
}

static bool has_source(const struct forwarding *f, const struct cidr *source)
{
	for (size_t i = 0; f && i < f->n_sources; i++)
		if (cidr_equal(&f->sources[i], source))
			return true;
	return false;
}

/* Sources of `f` that `other` has not. */
static void source_elements(struct diff *d, const struct forwarding *f,
			    const struct forwarding *other, uint32_t mark, bool add)
{
	writer_section(&d->writer, "src", d->family);
	ARRAY_FOREACH(source, f->sources, f->n_sources) {
		char prefix[CIDR_TEXT_MAX];
		struct text *text;

		if (source->address.family != d->family || has_source(other, source))
			continue;
		text = writer_element(&d->writer, add);
		writer_mark(text, mark);
		text_addf(text, " . %s", cidr_format(source, prefix));
	}
}

static bool is_restricted(uint32_t mark)
{
	return mark & CLASS_RESTRICTED;
}

/* What belongs to a mark, all of it. */
static void whole_mark(struct diff *d, const struct forwarding *f, uint32_t mark, bool add)
{
	if (!mark || (mark & CLASS_SIZE_MASK) == CLASS_REFUSE)
		return;
	all_slots(d, f, mark, add);
	self_elements(d, f, NULL, mark, add);
	if (!is_restricted(mark))
		return;
	source_elements(d, f, NULL, mark, add);
}

static void changed_mark(struct diff *d)
{
	if (!d->want_mark || (d->want_mark & CLASS_SIZE_MASK) == CLASS_REFUSE)
		return;
	changed_slots(d);
	self_elements(d, d->have, d->want, d->have_mark, false);
	self_elements(d, d->want, d->have, d->want_mark, true);
	if (!is_restricted(d->want_mark))
		return;
	source_elements(d, d->have, d->want, d->have_mark, false);
	source_elements(d, d->want, d->have, d->want_mark, true);
}

/* acct, in both directions. */
static void account(struct diff *d, uint32_t number, bool add)
{
	static const char *const sets[] = {"acct_original", "acct_reply"};

	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		writer_section(&d->writer, sets[i], FAMILY_NONE);
		writer_mark(writer_element(&d->writer, add), number << 8);
	}
}

static void vip_element(struct diff *d, const struct address *vip, bool add)
{
	writer_section(&d->writer, "vip", d->family);
	writer_address(writer_element(&d->writer, add), vip);
}

static const char *protocol_word(uint8_t protocol)
{
	return protocol == PROTOCOL_TCP ? "tcp" : protocol == PROTOCOL_UDP ? "udp" : "sctp";
}

/* "10.0.0.1 . tcp . 80" */
static void service_key(struct text *text, const struct address *vip, uint8_t protocol,
			uint16_t port)
{
	writer_address(text, vip);
	text_add(text, " . ");
	text_add(text, protocol_word(protocol));
	text_add(text, " . ");
	writer_number(text, port);
}

/* The port's entry in `f` where a look-up in svc finds it. */
static const struct forwarding_port *exact_port(const struct forwarding *f, uint8_t protocol,
						uint16_t port)
{
	const struct forwarding_port *entry = f ? forwarding_find_port(f, protocol, port) : NULL;

	return entry && forwarding_port_is_exact(entry) ? entry : NULL;
}

static uint16_t translation(const struct forwarding_port *entry)
{
	return entry && entry->target != entry->first ? entry->target : 0;
}

/* One port of svc: what `d` says of it is written if `f` is the side that names it first. */
static void service(struct diff *d, const struct forwarding *f, uint8_t protocol, uint16_t port,
		    bool removals)
{
	const struct forwarding *other = f == d->want ? d->have : d->want;
	const struct address *vip = vip_of(f, d->family), *theirs = vip_of(other, d->family);
	bool both = theirs && address_equal(vip, theirs) && exact_port(other, protocol, port);
	struct text *text;

	if (removals ? both : both && d->have_mark == d->want_mark)
		return;
	if (both || removals)
		service_key(writer_element(&d->writer, false), vip, protocol, port);
	if (removals)
		return;
	text = writer_element(&d->writer, true);
	service_key(text, vip, protocol, port);
	text_add(text, " : ");
	writer_mark(text, d->want_mark);
}

/*
 * `removals` false: what is new or changed in svc; true: what is gone from it. Ranges stand
 * between the two, because ports may move from one form to the other.
 */
static void services(struct diff *d, bool removals)
{
	const struct forwarding *f = removals ? d->have : d->want;

	if (!vip_of(f, d->family))
		return;
	writer_section(&d->writer, "svc", d->family);
	ARRAY_FOREACH(entry, f->ports, f->n_ports)
		for (uint32_t port = entry->first;
		     port <= entry->last && forwarding_port_is_exact(entry); port++)
			service(d, f, entry->protocol, (uint16_t)port, removals);
}

/* The port's translation where clients see it: at this VIP. */
static uint16_t target_at(const struct forwarding *f, const struct address *vip, uint8_t protocol,
			  uint16_t port)
{
	const struct address *own = vip_of(f, (enum family)vip->family);

	return own && address_equal(own, vip) ? translation(exact_port(f, protocol, port)) : 0;
}

static void targets(struct diff *d, bool removals)
{
	const struct forwarding *f = removals ? d->have : d->want;
	const struct address *vip = vip_of(f, d->family);

	writer_section(&d->writer, "tport", d->family);
	for (size_t i = 0; vip && i < f->n_ports; i++) {
		const struct forwarding_port *entry = &f->ports[i];
		uint16_t have = target_at(d->have, vip, entry->protocol, entry->first);
		uint16_t want = target_at(d->want, vip, entry->protocol, entry->first);
		struct text *text;

		if (have == want || (removals ? want != 0 : want == 0))
			continue;
		if (have)
			service_key(writer_element(&d->writer, false), vip, entry->protocol,
				    entry->first);
		if (!want)
			continue;
		text = writer_element(&d->writer, true);
		service_key(text, vip, entry->protocol, entry->first);
		text_add(text, " : ");
		writer_number(text, want);
	}
}

/* Whether `f` has exactly this range under this mark. */
static bool has_range(const struct forwarding *f, const struct address *vip, uint32_t mark,
		      const struct forwarding_port *range)
{
	const struct address *own = f ? vip_of(f, (enum family)vip->family) : NULL;
	const struct forwarding_port *entry;

	if (!own || !address_equal(own, vip) || mark_of(f, (enum family)vip->family) != mark)
		return false;
	entry = forwarding_find_port(f, range->protocol, range->first);
	return entry && entry->first == range->first && entry->last == range->last;
}

static void ranges_of(struct diff *d, uint8_t protocol, bool add)
{
	const struct forwarding *f = add ? d->want : d->have, *other = add ? d->have : d->want;
	const struct address *vip = vip_of(f, d->family);
	uint32_t mark = add ? d->want_mark : d->have_mark;

	for (size_t i = 0; vip && i < f->n_ports; i++) {
		const struct forwarding_port *entry = &f->ports[i];
		struct text *text;

		if (entry->protocol != protocol || forwarding_port_is_exact(entry) ||
		    has_range(other, vip, mark, entry))
			continue;
		text = writer_element(&d->writer, add);
		writer_address(text, vip);
		text_addf(text, " . %u-%u", entry->first, entry->last);
		if (add) {
			text_add(text, " : ");
			writer_mark(text, mark);
		}
	}
}

static void ranges(struct diff *d)
{
	static const struct {
		uint8_t protocol;
		const char *map;
	} maps[] = {{PROTOCOL_TCP, "rngtcp"}, {PROTOCOL_UDP, "rngudp"}, {PROTOCOL_SCTP, "rngsctp"}};

	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		writer_section(&d->writer, maps[i].map, d->family);
		ranges_of(d, maps[i].protocol, false);
		ranges_of(d, maps[i].protocol, true);
	}
}

static void diff_family(struct diff *d)
{
	const struct address *have = vip_of(d->have, d->family);
	const struct address *want = vip_of(d->want, d->family);
	bool same_vip = have && want && address_equal(have, want);

	d->have_mark = mark_of(d->have, d->family);
	d->want_mark = mark_of(d->want, d->family);
	if (d->have_mark == d->want_mark)
		changed_mark(d);
	else
		whole_mark(d, d->want, d->want_mark, true);
	if (want && !same_vip)
		vip_element(d, want, true);
	targets(d, false);
	services(d, false);
	ranges(d);
	services(d, true);
	targets(d, true);
	if (have && !same_vip)
		vip_element(d, have, false);
	if (d->have_mark != d->want_mark)
		whole_mark(d, d->have, d->have_mark, false);
}

static int diff_elements(const struct forwarding *have, const struct forwarding *want,
			 struct plan *ret_plan)
{
	struct diff d = {.writer = {.plan = ret_plan}, .have = have, .want = want};
	bool same = have && want && have->number == want->number;

	if (want && !same)
		account(&d, want->number, true);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		d.family = families[i];
		diff_family(&d);
	}
	if (have && !same)
		account(&d, have->number, false);
	return writer_finish(&d.writer);
}

int plan_diff(const struct forwarding *have, const struct forwarding *want, struct plan *ret_plan)
{
	int r;

	require(have || want);
	require(!have || !want || uuid_compare(&have->uid, &want->uid) == 0);
	r = diff_elements(have, want, ret_plan);
	return r < 0 ? r : cleanup_diff(have, want, ret_plan);
}

int plan_move(const struct forwarding *have, const struct forwarding *want, struct plan *ret_plan)
{
	struct forwarding nowhere;
	int r;

	require(have && want && uuid_compare(&have->uid, &want->uid) == 0);
	nowhere = *have; /* what it points to stays have's */
	memset(nowhere.vips, 0, sizeof(nowhere.vips));
	r = diff_elements(have, &nowhere, ret_plan);
	ret_plan->release_len = ret_plan->text.len;
	if (r == 0)
		r = diff_elements(&nowhere, want, ret_plan);
	return r < 0 ? r : cleanup_diff(have, want, ret_plan);
}

void plan_deinit(struct plan *plan)
{
	text_deinit(&plan->text);
	free(plan->cleanups);
	*plan = (struct plan){};
}
