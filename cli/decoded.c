/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/decoded.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/array.h"
#include "base/text.h"
#include "messages/codec.h"
#include "messages/subjects.h"

static json_t *address_json(const struct address *address)
{
	char text[ADDRESS_TEXT_MAX];

	return json_string(address_format(address, text));
}

static json_t *uuid_json(const struct uuid *uuid)
{
	char text[UUID_TEXT_MAX];

	return json_string(uuid_format(uuid, text));
}

static json_t *digest_json(uint64_t digest)
{
	char text[17];

	(void)snprintf(text, sizeof(text), "%016" PRIx64, digest);
	return json_string(text);
}

/* jansson's numbers are signed; what is beyond is text. */
static json_t *number_json(uint64_t number)
{
	char text[21];

	if (number <= INT64_MAX)
		return json_integer((json_int_t)number);
	(void)snprintf(text, sizeof(text), "%" PRIu64, number);
	return json_string(text);
}

static void add(json_t *array, json_t *item)
{
	(void)json_array_append_new(array, item); /* without memory it is missing in the output */
}

/* An empty array is left out. */
static void set_array(json_t *object, const char *member, json_t *array)
{
	if (json_array_size(array))
		(void)json_object_set_new(object, member, array);
	else
		json_decref(array);
}

static json_t *port_json(const struct desired_port *port)
{
	return json_pack("{s:s, s:i, s:i, s:i}", "protocol", protocol_name(port->protocol), "first",
			 port->first, "last", port->last, "target", port->target);
}

static json_t *destination_json(const struct desired_destination *destination)
{
	return json_pack("{s:o, s:i, s:s*}", "address", address_json(&destination->address),
			 "weight", destination->weight, "node", destination->node);
}

static json_t *check_json(const struct desired_check *check)
{
	return json_pack("{s:s, s:i, s:s*, s:i, s:i, s:i, s:i}", "protocol",
			 check->protocol == CHECK_PROTOCOL_HTTP ? "HTTP" : "TCP", "port",
			 check->port, "path", check->path, "intervalSeconds", check->interval_s,
			 "timeoutSeconds", check->timeout_s, "healthyThreshold",
			 check->healthy_threshold, "unhealthyThreshold",
			 check->unhealthy_threshold);
}

static void set_lists(json_t *json, const struct desired_lb *lb)
{
	json_t *vips = json_array(), *ports = json_array(), *destinations = json_array(),
	       *sources = json_array();
	char text[CIDR_TEXT_MAX];

	for (size_t i = 0; i < lb->n_vips; i++)
		add(vips, address_json(&lb->vips[i]));
	ARRAY_FOREACH(port, lb->ports, lb->n_ports)
		add(ports, port_json(port));
	ARRAY_FOREACH(destination, lb->destinations, lb->n_destinations)
		add(destinations, destination_json(destination));
	ARRAY_FOREACH(source, lb->source_ranges, lb->n_source_ranges)
		add(sources, json_string(cidr_format(source, text)));
	set_array(json, "vips", vips);
	set_array(json, "ports", ports);
	set_array(json, "destinations", destinations);
	set_array(json, "sourceRanges", sources);
}

static json_t *lb_json(const struct desired_lb *lb)
{
	static const unsigned sizes[] = DESIRED_SIZES;
	json_t *json = json_pack(
		"{s:s, s:o, s:o, s:i, s:i, s:i, s:s, s:s, s:i}", "name", lb->name, "uid",
		uuid_json(&lb->uid), "generation", number_json(lb->generation), "number",
		(int)lb->number, "slots", (int)sizes[lb->size_index], "algorithm", lb->algorithm,
		"affinity", lb->affinity == AFFINITY_CLIENT_IP ? "ClientIP" : "None",
		"whenAllUnhealthy",
		lb->when_all_unhealthy == ALL_UNHEALTHY_FAIL_OPEN ? "FailOpen" : "Reject",
		"drainSeconds", lb->drain_s);

	set_lists(json, lb);
	if (lb->check.interval_s)
		(void)json_object_set_new(json, "check", check_json(&lb->check));
	return json;
}

static int read_desired(const void *bytes, size_t len, json_t **ret_json, struct error *err)
{
	auto_call(desired_freep) struct desired *desired = NULL;
	json_t *json, *lbs = json_array(), *removed = json_array();
	int r = desired_unpack(bytes, len, &desired, err);

	for (size_t i = 0; r == 0 && i < desired->n_lbs; i++)
		add(lbs, lb_json(desired->lbs[i]));
	for (size_t i = 0; r == 0 && i < desired->n_removed; i++)
		add(removed, uuid_json(&desired->removed[i]));
	if (r == 0) {
		*ret_json = json = json_pack("{s:s, s:o, s:o, s:o, s:b, s:b, s:i, s:i}", "net",
					     desired->net, "epoch", uuid_json(&desired->epoch),
					     "revision", number_json(desired->revision), "previous",
					     number_json(desired->previous), "snapshot",
					     desired->snapshot, "resync", desired->resync, "part",
					     (int)desired->part, "parts", (int)desired->n_parts);
		set_array(json, "loadBalancers", json_incref(lbs));
		set_array(json, "removed", json_incref(removed));
	}
	json_decref(lbs);
	json_decref(removed);
	return r;
}

static void set_status_lists(json_t *json, const struct status *status)
{
	json_t *addresses = json_array(), *refusals = json_array(), *conditions = json_array();

	ARRAY_FOREACH(address, status->addresses, status->n_addresses)
		add(addresses, address_json(address));
	ARRAY_FOREACH(refusal, status->refusals, status->n_refusals)
		add(refusals, json_pack("{s:o, s:s}", "uid", uuid_json(&refusal->uid), "sentence",
					refusal->sentence ?: ""));
	ARRAY_FOREACH(condition, status->conditions, status->n_conditions)
		add(conditions, json_pack("{s:s, s:s}", "reason", condition->reason, "sentence",
					  condition->sentence ?: ""));
	set_array(json, "addresses", addresses);
	set_array(json, "refusals", refusals);
	set_array(json, "conditions", conditions);
}

static int read_status(const void *bytes, size_t len, json_t **ret_json, struct error *err)
{
	auto_call(status_freep) struct status *status = NULL;
	int r = status_unpack(bytes, len, &status, err);

	if (r < 0)
		return r;
	*ret_json = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "node", status->node, "net",
			      status->net, "epoch", uuid_json(&status->epoch), "revision",
			      number_json(status->revision), "digest", digest_json(status->digest),
			      "refused", number_json(status->n_refused), "appliedAtMilliseconds",
			      number_json(status->applied_at_ms));
	set_status_lists(*ret_json, status);
	return 0;
}

static int read_sync(const void *bytes, size_t len, json_t **ret_json, struct error *err)
{
	auto_call(sync_freep) struct sync *sync = NULL;
	int r = sync_unpack(bytes, len, &sync, err);
	json_t *nets;

	if (r < 0)
		return r;
	nets = json_array();
	ARRAY_FOREACH(net, sync->nets, sync->n_nets)
		add(nets, json_pack("{s:s, s:o, s:o, s:b}", "net", net->net, "revision",
				    number_json(net->revision), "digest", digest_json(net->digest),
				    "stale", net->stale));
	*ret_json = json_pack("{s:s, s:o, s:o}", "node", sync->node, "epoch",
			      uuid_json(&sync->epoch), "revision", number_json(sync->revision));
	set_array(*ret_json, "nets", nets);
	return 0;
}

static int read_alive(const void *bytes, size_t len, json_t **ret_json, struct error *err)
{
	auto_call(alive_freep) struct alive *alive = NULL;
	int r = alive_unpack(bytes, len, &alive, err);
	json_t *nets;

	if (r < 0)
		return r;
	nets = json_array();
	for (size_t i = 0; i < alive->n_nets; i++)
		add(nets, json_string(alive->nets[i]));
	*ret_json = json_pack("{s:s, s:o, s:s}", "node", alive->node, "boot",
			      uuid_json(&alive->boot), "version", alive->version);
	set_array(*ret_json, "nets", nets);
	return 0;
}

static int read_note(const void *bytes, size_t len, json_t **ret_json, struct error *err)
{
	auto_call(note_freep) struct note *note = NULL;
	int r = note_unpack(bytes, len, &note, err);

	if (r < 0)
		return r;
	*ret_json = json_pack("{s:s, s:s, s:o, s:s, s:s, s:s, s:s}", "node", note->node, "net",
			      note->net, "atMilliseconds", number_json(note->at_ms), "type",
			      note->warning ? "Warning" : "Normal", "object", note->object,
			      "reason", note->reason, "message", note->sentence);
	return 0;
}

static json_t *verdict_json(const struct health_verdict *verdict)
{
	return json_pack(
		"{s:o, s:o, s:b, s:s, s:o, s:o, s:o*}", "address", address_json(&verdict->address),
		"check", digest_json(verdict->check), "healthy", verdict->healthy, "reason",
		verdict->reason ?: "", "sinceMilliseconds", number_json(verdict->since_ms),
		"checkedMilliseconds", number_json(verdict->checked_ms), "source",
		verdict->source.family == FAMILY_NONE ? NULL : address_json(&verdict->source));
}

static int read_health(const void *bytes, size_t len, json_t **ret_json, struct error *err)
{
	auto_call(health_freep) struct health *health = NULL;
	int r = health_unpack(bytes, len, &health, err);
	json_t *verdicts;

	if (r < 0)
		return r;
	verdicts = json_array();
	ARRAY_FOREACH(verdict, health->verdicts, health->n_verdicts)
		add(verdicts, verdict_json(verdict));
	*ret_json = json_pack("{s:s, s:s, s:o, s:b, s:b}", "node", health->node, "net", health->net,
			      "boot", uuid_json(&health->boot), "full", health->full, "dead",
			      health->dead);
	set_array(*ret_json, "verdicts", verdicts);
	return 0;
}

static int read_probe(const void *bytes, size_t len, json_t **ret_json, struct error *err)
{
	auto_call(probe_freep) struct probe *probe = NULL;
	int r = probe_unpack(bytes, len, &probe, err);

	if (r < 0)
		return r;
	*ret_json = json_pack("{s:s, s:s, s:i, s:i}", "net", probe->net, "node", probe->node,
			      "asked", (int)probe->n_asked, "answered", (int)probe->n_answered);
	return 0;
}

static const struct {
	const char *name;
	int (*read)(const void *bytes, size_t len, json_t **ret_json, struct error *err);
} types[] = {
	{"note", read_note},   {"desired", read_desired}, {"status", read_status},
	{"sync", read_sync},   {"health", read_health},   {"alive", read_alive},
	{"probe", read_probe},
};

/* What travels on a subject; NULL: text, or no subject of ours. */
static const char *type_on(const char *text)
{
	struct subject subject;

	if (subject_parse(text, &subject) < 0)
		return NULL;
	switch (subject.kind) {
	case SUBJECT_STATE:
	case SUBJECT_SNAP:
		return "desired";
	case SUBJECT_STATUS:
		return "status";
	case SUBJECT_SYNC:
		return "sync";
	case SUBJECT_ALIVE:
		return "alive";
	case SUBJECT_NOTE:
		return "note";
	case SUBJECT_PROBE:
		return "probe";
	case SUBJECT_HEALTH:
		return "health";
	case SUBJECT_API:
		break;
	}
	return NULL;
}

/* The first type that it can be: each asks for more than those behind it. */
static int guess(const void *bytes, size_t len, json_t **ret_json, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (types[i].read(bytes, len, ret_json, NULL) == 0)
			return 0;
	}
	return error_set(err, -EBADMSG,
			 "it is no message of ilb; name its type to learn what is wrong");
}

int decoded_json(const char *type, const void *bytes, size_t len, json_t **ret_json,
		 struct error *err)
{
	const char *name = type && text_starts(type, "ilb.v1.") ? type_on(type) : type;

	if (!type)
		return guess(bytes, len, ret_json, err);
	for (size_t i = 0; name && i < ARRAY_SIZE(types); i++) {
		if (text_equal(types[i].name, name))
			return types[i].read(bytes, len, ret_json, err);
	}
	return error_set(
		err, -EINVAL,
		"'%s': must be desired, status, sync, alive, health, probe, note, or the subject of one",
		type);
}
