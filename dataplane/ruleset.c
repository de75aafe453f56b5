/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/ruleset.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/hash.h"
#include "base/require.h"
#include "dataplane/forwarding.h"
#include "dataplane/slots.h"

/* What differs between the families in nft's language. */
struct words {
	char digit;
	const char *ip, *ipv, *type;
};

static const struct words families[] = {
	{'4', "ip", "ipv4", "ipv4_addr"},
	{'6', "ip6", "ipv6", "ipv6_addr"},
};

static const char *const protocols[] = {"tcp", "udp", "sctp"};

/*
 * `typeof ... numgen` declares a field of 32 bits that takes the jhash: `typeof ... jhash` itself
 * makes nft list crash. One-byte fields in intervals are refused by some kernels, so there is a
 * range map for each protocol. svc is a data map: with verdicts every change of it would make the
 * kernel check the whole table again.
 */
static void write_maps(struct text *text, const struct words *w)
{
	text_addf(text, "\tmap svc%c { type %s . inet_proto . inet_service : mark; counter; }\n",
		  w->digit, w->type);
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		text_addf(text,
			  "\tmap rng%s%c { type %s . inet_service : mark; flags interval; "
			  "counter; }\n",
			  protocols[i], w->digit, w->type);
	text_addf(text, "\tmap slot%c { typeof ct mark . numgen inc mod 2 : %s daddr; }\n",
		  w->digit, w->ip);
	text_addf(text, "\tmap tport%c { type %s . inet_proto . inet_service : inet_service; }\n",
		  w->digit, w->type);
	text_addf(text, "\tset vip%c { type %s; }\n", w->digit, w->type);
	text_addf(text, "\tset self%c { type mark . %s . %s; }\n", w->digit, w->type, w->type);
	text_addf(text, "\tset src%c { type mark . %s; flags interval; }\n", w->digit, w->type);
}

static void chain_name(struct text *text, const struct words *w, unsigned class)
{
	text_addf(text, "%s_%u%s%s", w->ipv, SLOTS_SIZES[class & CLASS_SIZE_MASK],
		  class & CLASS_AFFINITY ? "_affinity" : "",
		  class & CLASS_TRANSLATED ? "_translated" : "");
}

static void write_lookup(struct text *text, const struct words *w, unsigned class)
{
	text_addf(text, "dnat %s to ct mark . jhash %s saddr", w->ip, w->ip);
	if (!(class & CLASS_AFFINITY))
		text_addf(text, " . th sport . %s daddr . th dport", w->ip);
	text_addf(text, " mod %u seed 0x%x map @slot%c", SLOTS_SIZES[class & CLASS_SIZE_MASK],
		  SLOTS_HASH_SEED, w->digit);
}

/*
 * Each rule stands twice: before Linux 6.18 a lookup that meets a commit may miss an element that
 * is there before and after it. The second rule is only reached after a miss.
 */
static void write_class(struct text *text, const struct words *w, unsigned class)
{
	text_add(text, "\tchain ");
	chain_name(text, w, class);
	text_add(text, " {\n");
	for (int i = 0; i < 2 && class & CLASS_TRANSLATED; i++) {
		text_add(text, "\t\tmeta l4proto { tcp, udp, sctp } ");
		write_lookup(text, w, class);
		text_addf(text, " : %s daddr . meta l4proto . th dport map @tport%c\n", w->ip,
			  w->digit);
	}
	for (int i = 0; i < 2; i++) {
		text_add(text, "\t\t");
		write_lookup(text, w, class);
		text_add(text, "\n");
	}
	text_add(text, "\t\tgoto refuse_flow\n\t}\n");
}

static void write_classes(struct text *text, const struct words *w)
{
	static const unsigned bits[] = {0, CLASS_TRANSLATED, CLASS_AFFINITY,
					CLASS_TRANSLATED | CLASS_AFFINITY};

	for (unsigned size = 0; size < SLOTS_N_SIZES; size++)
		for (size_t i = 0; i < ARRAY_SIZE(bits); i++)
			write_class(text, w, size | bits[i]);
	text_addf(text, "\tchain %s_class {\n", w->ipv);
	text_addf(text, "\t\tct mark & 0x%x == 0x%x jump %s_source\n\t\tct mark & 0x%x vmap {\n",
		  CLASS_RESTRICTED, CLASS_RESTRICTED, w->ipv,
		  CLASS_SIZE_MASK | CLASS_TRANSLATED | CLASS_AFFINITY);
	for (unsigned size = 0; size < SLOTS_N_SIZES; size++) {
		for (size_t i = 0; i < ARRAY_SIZE(bits); i++) {
			text_addf(text, "\t\t\t0x%02x : goto ", size | bits[i]);
			chain_name(text, w, size | bits[i]);
			text_add(text, ",\n");
		}
	}
	text_cut(text, text->len ? text->len - 2 : 0);
	text_add(text, "\n\t\t}\n\t\tgoto refuse_flow\n\t}\n");
}

/*
 * The way of a connection's first packet. What is not for a VIP leaves after two lookups. The
 * lookup in svc is repeated at the end for the same reason as in write_class(). Protocols
 * without ports, echo requests above all, go on to the namespace itself, which has the VIP as a
 * local address.
 */
static void write_family(struct text *text, const struct words *w)
{
	text_addf(text, "\tchain %s_source {\n\t\tct mark . %s saddr @src%c return\n", w->ipv,
		  w->ip, w->digit);
	text_add(text, "\t\tgoto refuse_flow\n\t}\n");
	write_classes(text, w);
	text_addf(text, "\tchain %s_first {\n", w->ipv);
	text_addf(text,
		  "\t\tct mark set %s daddr . meta l4proto . th dport map @svc%c goto %s_class\n",
		  w->ip, w->digit, w->ipv);
	text_addf(text, "\t\t%s daddr != @vip%c return\n", w->ip, w->digit);
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		text_addf(text,
			  "\t\tmeta l4proto %s ct mark set %s daddr . th dport map @rng%s%c "
			  "goto %s_class\n",
			  protocols[i], w->ip, protocols[i], w->digit, w->ipv);
	text_addf(text,
		  "\t\tct mark set %s daddr . meta l4proto . th dport map @svc%c goto %s_class\n",
		  w->ip, w->digit, w->ipv);
	text_add(text, "\t\tmeta l4proto { tcp, udp, sctp } goto refuse_flow\n\t}\n");
}

/* Refusals cost more than forwarding: beyond the limit refused packets are dropped in silence. */
static void write_refuse(struct text *text)
{
	text_add(text, "\tchain refuse_flow {\n"
		       "\t\tlimit rate over 1000/second burst 1000 packets drop\n"
		       "\t\tmeta l4proto tcp reject with tcp reset\n"
		       "\t\treject with icmpx port-unreachable\n"
		       "\t}\n");
}

/*
 * What every packet meets is one chain, in the forward hook: a second would cost each connection
 * 3 % more. What the namespace itself sends and gets is counted in its own hooks.
 */
static void write_counting(struct text *text, const char *direction)
{
	text_addf(text, "\t\tct direction %s ct mark & 0x%x @acct_%s\n", direction,
		  MARK_NUMBER_MASK, direction);
}

/*
 * filter_input: a packet that conntrack cannot place has kept the VIP as its destination, which is
 * a local address; the namespace's own stack would reset live connections.
 */
static void write_filters(struct text *text, const struct ruleset_options *options)
{
	text_add(text, "\tchain filter_input {\n"
		       "\t\ttype filter hook input priority filter; policy accept;\n"
		       "\t\tct state invalid ip daddr @vip4 drop\n"
		       "\t\tct state invalid ip6 daddr @vip6 drop\n");
	write_counting(text, "reply");
	text_add(text, "\t}\n"
		       "\tchain filter_output {\n"
		       "\t\ttype filter hook output priority filter; policy accept;\n");
	write_counting(text, "original");
	text_add(text, "\t}\n"
		       "\tchain filter_forward {\n"
		       "\t\ttype filter hook forward priority filter; policy accept;\n");
	write_counting(text, "original");
	write_counting(text, "reply");
	if (options->flowtable)
		text_addf(text,
			  "\t\tct mark != 0 meta l4proto { tcp, udp } ct state established "
			  "ct packets > %u flow add @ft\n",
			  RULESET_OFFLOAD_AFTER);
	text_add(text, "\t}\n");
}

/*
 * nat_*: a reset that refuses a connection from the namespace itself carries the conntrack entry
 * of what it refuses, is bound for a VIP, and must not be refused in its turn.
 * nat_postrouting: a local destination that was sent to itself sees the VIP as its client; a connection
 * from the namespace itself to a VIP got that VIP as its source by the local route.
 */
static void write_hooks(struct text *text)
{
	text_add(text, "\tchain nat_prerouting {\n"
		       "\t\ttype nat hook prerouting priority dstnat; policy accept;\n"
		       "\t\tct direction reply return\n"
		       "\t\tmeta nfproto vmap { ipv4 : goto ipv4_first, ipv6 : goto ipv6_first }\n"
		       "\t}\n"
		       "\tchain nat_output {\n"
		       "\t\ttype nat hook output priority -100; policy accept;\n"
		       "\t\tct direction reply return\n"
		       "\t\tmeta nfproto vmap { ipv4 : goto ipv4_first, ipv6 : goto ipv6_first }\n"
		       "\t}\n"
		       "\tchain nat_postrouting {\n"
		       "\t\ttype nat hook postrouting priority srcnat; policy accept;\n"
		       "\t\tct status & dnat == 0 return\n");
	ARRAY_FOREACH(w, families, ARRAY_SIZE(families)) {
		text_addf(text,
			  "\t\tct mark . %s saddr . %s daddr @self%c snat %s to ct original %s "
			  "daddr\n",
			  w->ip, w->ip, w->digit, w->ip, w->ip);
		text_addf(text, "\t\t%s saddr @vip%c masquerade\n", w->ip, w->digit);
	}
	text_add(text, "\t}\n");
}

/* With counter, so that conntrack goes on counting: the chains here see no offloaded packet. */
static void write_flowtable(struct text *text)
{
	text_add(text, "\tflowtable ft {\n"
		       "\t\thook ingress priority filter\n"
		       "\t\tcounter\n"
		       "\t}\n");
}

/*
 * The chains that look into maps come before any element: the kernel walks the whole map for each
 * chain that begins to use it.
 */
static void write_unseen(struct text *text)
{
	ARRAY_FOREACH(w, families, ARRAY_SIZE(families))
		write_maps(text, w);
	text_add(text, "\tset acct_original { type mark; counter; }\n"
		       "\tset acct_reply { type mark; counter; }\n");
	write_refuse(text);
	ARRAY_FOREACH(w, families, ARRAY_SIZE(families))
		write_family(text, w);
}

static void write_live(struct text *text, const struct ruleset_options *options)
{
	text_add(text, "\tmap stamp { type mark : mark; }\n");
	write_hooks(text);
	if (options->flowtable)
		write_flowtable(text);
	write_filters(text, options);
}

void ruleset_write(struct text *text, const struct ruleset_options *options)
{
	text_add(text, "table inet " RULESET_TABLE " {\n");
	write_unseen(text);
	write_live(text, options);
	text_add(text, "}\n");
}

void ruleset_write_unseen(struct text *text, const char *table)
{
	text_addf(text, "table inet %s {\n", table);
	write_unseen(text);
	text_add(text, "}\n");
}

void ruleset_write_live(struct text *text, const char *table, const struct ruleset_options *options)
{
	text_addf(text, "table inet %s {\n", table);
	write_live(text, options);
	text_add(text, "}\n");
}

void ruleset_write_removal(struct text *text, const char *table)
{
	text_addf(text, "add table inet %s\ndelete table inet %s\n", table, table);
}

void ruleset_write_flush(struct text *text, bool counted)
{
	static const char *const plain[] = {"map slot", "map tport", "set vip", "set self",
					    "set src"};
	static const char *const counting[] = {"map svc", "map rngtcp", "map rngudp",
					       "map rngsctp"};

	ARRAY_FOREACH(w, families, ARRAY_SIZE(families)) {
		for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
			text_addf(text, "flush %.3s inet " RULESET_TABLE "%s%c\n", plain[i],
				  plain[i] + 3, w->digit);
		for (size_t i = 0; i < ARRAY_SIZE(counting) && counted; i++)
			text_addf(text, "flush %.3s inet " RULESET_TABLE "%s%c\n", counting[i],
				  counting[i] + 3, w->digit);
	}
	if (counted)
		text_add(text, "flush set inet " RULESET_TABLE " acct_original\n"
			       "flush set inet " RULESET_TABLE " acct_reply\n");
	text_add(text, "flush map inet " RULESET_TABLE " stamp\n");
}

/* `counter` each time: adding a device without it would switch the counting off. */
static void write_devices(struct text *text, const char *verb, const char *const *devices,
			  size_t n_devices)
{
	require(n_devices > 0);
	text_addf(text, "%s flowtable inet " RULESET_TABLE " ft { %s; counter; devices = {", verb,
		  "hook ingress priority filter");
	for (size_t i = 0; i < n_devices; i++)
		text_addf(text, "%s \"%s\"", i ? "," : "", devices[i]);
	text_add(text, " }; }\n");
}

void ruleset_write_devices_add(struct text *text, const char *const *devices, size_t n_devices)
{
	write_devices(text, "add", devices, n_devices);
}

void ruleset_write_devices_delete(struct text *text, const char *const *devices, size_t n_devices)
{
	write_devices(text, "delete", devices, n_devices);
}

static uint64_t *stamp_field(struct ruleset_stamp *stamp, uint32_t key)
{
	uint64_t *const fields[] = {&stamp->rules, &stamp->revision, &stamp->digest};

	return fields[key / 2];
}

void ruleset_write_stamp(struct text *text, const char *table, const struct ruleset_stamp *stamp)
{
	struct ruleset_stamp copy = *stamp;

	text_addf(text, "flush map inet %s stamp\nadd element inet %s stamp {", table, table);
	for (uint32_t key = 0; key < RULESET_STAMP_WORDS; key++)
		text_addf(text, "%s %u : 0x%x", key ? "," : "", key,
			  (uint32_t)(*stamp_field(&copy, key) >> (key % 2 ? 32 : 0)));
	text_add(text, " }\n");
}

bool ruleset_stamp_word(struct ruleset_stamp *stamp, uint32_t key, uint32_t value)
{
	unsigned shift = key % 2 ? 32 : 0;
	uint64_t *field;

	if (key >= RULESET_STAMP_WORDS)
		return false;
	field = stamp_field(stamp, key);
	*field = (*field & ~((uint64_t)UINT32_MAX << shift)) | (uint64_t)value << shift;
	return true;
}

uint64_t ruleset_digest(const struct ruleset_options *options)
{
	struct text text = {};
	uint64_t digest;

	ruleset_write(&text, options);
	digest = text.failed ? 0 : hash_bytes(text.bytes, text.len);
	text_deinit(&text);
	return digest;
}
