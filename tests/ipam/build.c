/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/ipam/build.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/require.h"
#include "base/text.h"

/* A line that cannot be read is a mistake in the test: it is required to be right. */

static char *copy(const char *text)
{
	char *string = strdup(text);

	require(string);
	return string;
}

static void add_label(struct labels *labels, const char *pair)
{
	struct label *label = ARRAY_ADD(labels->items, labels->n_items);
	const char *equals = strchr(pair, '=');

	require(label && equals);
	label->key = strndup(pair, (size_t)(equals - pair));
	label->value = copy(equals + 1);
	require(label->key);
	for (; label > labels->items && strcmp(label[-1].key, label->key) > 0; label--) {
		struct label swapped = label[-1];

		label[-1] = label[0];
		label[0] = swapped;
	}
}

static struct selector *selector_of(const char *pair)
{
	struct selector *selector = calloc(1, sizeof(*selector));

	require(selector);
	if (*pair)
		add_label(&selector->match_labels, pair);
	return selector;
}

static uint8_t number(const char *text)
{
	uint64_t value;

	require(text_parse_u64(text, 255, &value) == 0);
	return (uint8_t)value;
}

/* "[6][@prefix|%selector][/length][=exact]" */
static void read_request(const char *text, struct prefix_spec *spec)
{
	char *word = copy(text), *at = word, *exact, *length;

	spec->family = FAMILY_IPV4;
	if (*at == '6') {
		spec->family = FAMILY_IPV6;
		at++;
	}
	exact = *at == '%' ? NULL : strchr(at, '=');
	if (exact) {
		*exact = '\0';
		require(cidr_parse(exact + 1, &spec->prefix) == 0);
		spec->family = spec->prefix.address.family;
	}
	length = exact ? NULL : strchr(at, '/');
	if (length) {
		*length = '\0';
		spec->length = number(length + 1);
	}
	if (*at == '@')
		spec->parent = copy(at + 1);
	if (*at == '%')
		spec->parent_selector = selector_of(at + 1);
	free(word);
}

static void read_source(const char *text, struct addressing *addressing)
{
	struct ip_source *source = &addressing->ips[addressing->n_ips++];

	if (address_parse(text, &source->literal) == 0) {
		addressing->families[addressing->n_families++] = source->literal.family;
		return;
	}
	source->ephemeral = calloc(1, sizeof(*source->ephemeral));
	require(source->ephemeral);
	read_request(text, &source->ephemeral->spec);
	addressing->families[addressing->n_families++] = source->ephemeral->spec.family;
}

static void read_addressing(const char *network, char *sources, struct addressing *addressing)
{
	char *rest = NULL;

	addressing->network = copy(network);
	for (char *word = strtok_r(sources, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		require(addressing->n_ips < 2);
		read_source(word, addressing);
	}
}

static void read_destinations(char *text, struct routing_spec *routing)
{
	char *rest = NULL;

	for (char *word = strtok_r(text, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		struct routing_destination *destination =
			ARRAY_ADD(routing->destinations, routing->n_destinations);
		char *star = strchr(word, '*');

		require(destination);
		destination->weight = star ? number(star + 1) : 1;
		if (star)
			*star = '\0';
		require(address_parse(word, &destination->address) == 0);
	}
}

static void finish_lb(struct object *lb)
{
	lb->lb.ports = calloc(1, sizeof(*lb->lb.ports));
	require(lb->lb.ports);
	lb->lb.ports[0] = (struct desired_port){PROTOCOL_TCP, 8080, 8080, 8080};
	lb->lb.n_ports = 1;
	lb->lb.drain_s = 300;
}

static void add_weight(struct labels *annotations, const char *value)
{
	char pair[64];

	(void)snprintf(pair, sizeof(pair), WEIGHT_ANNOTATION "=%s", value);
	add_label(annotations, pair);
}

/* What stands behind: labels of the object, the selector of a LoadBalancer. */
static void read_trailer(struct object *object, const char *word)
{
	if (object->kind == KIND_LOAD_BALANCER && !object->lb.selector)
		object->lb.selector = selector_of(strcmp(word, "all") == 0 ? "" : word);
	else if (object->kind == KIND_LOAD_BALANCER)
		add_label(&object->lb.selector->match_labels, word);
	else if (text_starts(word, "node="))
		object->nic.node = copy(word + strlen("node="));
	else if (text_starts(word, "weight="))
		add_weight(&object->meta.annotations, word + strlen("weight="));
	else
		add_label(&object->meta.labels, word);
}

static void read_spec(struct object *object, char *first, char **rest)
{
	switch (object->kind) {
	case KIND_NETWORK:
	case KIND_N_KINDS:
		break;
	case KIND_NETWORK_INTERFACE:
		read_addressing(first, strtok_r(NULL, " ", rest), &object->nic.addressing);
		break;
	case KIND_LOAD_BALANCER:
		read_addressing(first, strtok_r(NULL, " ", rest), &object->lb.addressing);
		finish_lb(object);
		break;
	case KIND_LOAD_BALANCER_ROUTING:
		object->routing.network = copy(first);
		read_destinations(strtok_r(NULL, " ", rest), &object->routing);
		break;
	case KIND_PREFIX:
		read_request(first, &object->prefix);
		break;
	}
}

struct object *build(const char *line)
{
	static const struct {
		const char *word;
		enum kind kind;
	} kinds[] = {
		{"net", KIND_NETWORK},      {"root", KIND_PREFIX},
		{"child", KIND_PREFIX},     {"nic", KIND_NETWORK_INTERFACE},
		{"lb", KIND_LOAD_BALANCER}, {"routing", KIND_LOAD_BALANCER_ROUTING},
	};
	struct object *object = calloc(1, sizeof(*object));
	char *text = copy(line), *rest = NULL, *word = strtok_r(text, " ", &rest);
	size_t i = 0;

	require(object && word);
	while (strcmp(kinds[i].word, word) != 0)
		require(++i < ARRAY_SIZE(kinds));
	object->kind = kinds[i].kind;
	word = strtok_r(NULL, " ", &rest);
	require(word);
	object->meta.name = copy(word);
	object->meta.name_space = copy("default");
	word = strtok_r(NULL, " ", &rest);
	if (word)
		read_spec(object, word, &rest);
	while (word && (word = strtok_r(NULL, " ", &rest)))
		read_trailer(object, word);
	free(text);
	return object;
}
