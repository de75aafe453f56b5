/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipam/node.h"
#include "ipam/object.h"
#include "ipam/problem.h"

/*
 * The table of all fields of all kinds. It reads documents into typed structs, writes structs as
 * JSON, copies and frees them, and documents itself: a field that stands in it is read, checked,
 * shown, and explained. The tables are in schema_<what>.c, one entry a field.
 */

enum field_type {
	FIELD_STRING,   /* char *; "" counts as absent, but in a list */
	FIELD_NUMBER,   /* unsigned integer of `size` bytes, min..max */
	FIELD_CHOICE,   /* an enum, one of `choices` */
	FIELD_ADDRESS,  /* struct address */
	FIELD_CIDR,     /* struct cidr */
	FIELD_LABELS,   /* struct labels */
	FIELD_OBJECT,   /* `fields`, offsets counted from this one's */
	FIELD_OPTIONAL, /* pointer to a struct of `size` with `fields`; NULL: absent */
	FIELD_LIST,     /* pointer, and a count at `count`, of `item`s; at most `max` */
	FIELD_ARRAY,    /* the same, in place */
	FIELD_CONSTANT, /* not stored: one of `choices`, written as `fallback` */
	FIELD_VERSION,  /* uint64_t, as a number or a string */
	FIELD_IGNORED,  /* read over; `doc` says why */
	FIELD_REFUSED,  /* a field of ironcore's that is not served; `doc` says why */
};

struct choice {
	const char *name; /* NULL ends the list */
	int value;
	const char *refused; /* a value of ironcore's that is not served: why */
};

struct field {
	const char *name, *alias; /* NULL name ends a table */
	enum field_type type;
	size_t offset, count, size;
	const struct field *fields, *item;
	const struct choice *choices;
	uint64_t min, max;
	const char *fallback;  /* default of a scalar, as it would be written */
	const char *otherwise; /* default that is computed (ipam/defaults.c), for people */
	const char *required;  /* what to do when it is absent */
	bool always;           /* FIELD_OBJECT: absent counts as empty, so that its rules hold */
	bool distinct;         /* list of scalars: none twice */
	bool (*is_absent)(const void *base); /* writing: where the value alone does not tell */
	const char *doc;
};

/* For table entries. */
#define FIELD_AT(type, member) .offset = offsetof(type, member)
#define FIELD_SIZED(type, member) \
	.offset = offsetof(type, member), .size = sizeof(((type *)NULL)->member)
#define FIELD_ITEMS(type, member)                                              \
	.offset = offsetof(type, member), .count = offsetof(type, n_##member), \
	.size = sizeof(((type *)NULL)->member[0])
#define FIELD_WITHIN(type, part, member)                                                 \
	.offset = offsetof(type, part.member), .count = offsetof(type, part.n_##member), \
	.size = sizeof(((type *)NULL)->part.member[0])
#define FIELD_POINTS(type, member) \
	.offset = offsetof(type, member), .size = sizeof(*((type *)NULL)->member)

#define SCHEMA_SELECTOR_MAX 256 /* expressions of a selector, and values of an expression */

/* The fields of a kind's documents; offsets are from struct object. */
const struct field *schema_of(enum kind kind);

/* What a kind is, in a sentence or two. */
const char *schema_kind_doc(enum kind kind);

/* The fields inside an object or the objects of a list; NULL for what has none. */
static inline const struct field *schema_inside(const struct field *field)
{
	return field->item ? field->item->fields : field->fields;
}

/* "string", "integer", "Object", "[]Object"... */
void schema_type_name(const struct field *field, struct text *text);
/* "Required. Default: TCP. One of TCP, UDP, SCTP. Also spelled `value`." as far as it applies. */
void schema_constraints(const struct field *field, struct text *text);

/* Shared tables, for schema_<what>.c. */
extern const struct field schema_metadata[], schema_template_metadata[];
extern const struct field schema_selector[];
extern const struct field schema_prefix_spec[], schema_prefix_template[];
extern const struct field schema_network_spec[], schema_nic_spec[], schema_lb_spec[];
extern const struct field schema_network_ref[], schema_family_item[], schema_ip_source_item[];
extern const struct choice schema_families[];
extern const struct field schema_routing[];

/* The field called `name` in a table, by either spelling; NULL when there is none. */
const struct field *schema_find(const struct field *fields, const char *name);
/* The known name that is nearest to a misspelled one; NULL when none is near. */
const char *schema_nearest(const struct field *fields, const char *name);

/*
 * Reads a document's tree. What is wrong is added to `problems`, and the rest is read nonetheless.
 * @base: zeroed.
 * Return: 0, -ENOMEM.
 */
must_check int schema_read(const struct field *fields, const struct node *node, void *base,
			   struct problems *problems);

/* Writes the fields that are present. Return: a new reference, NULL without memory. */
json_t *schema_write(const struct field *fields, const void *base);

/* Frees what the fields own. */
void schema_deinit(const struct field *fields, void *base);

/*
 * Makes `copy`, a bytewise copy of another struct, own what it points to.
 * Return: 0, -ENOMEM (`copy` is to be deinitialised either way).
 */
must_check int schema_copy(const struct field *fields, void *copy);

/*
 * Finds what `path` names in a document, however it is spelled there.
 * @ret_path: the path in the document's spelling; as it was, from where nothing is found.
 * Return: the node, or the nearest that encloses it; NULL for a NULL root.
 */
const struct node *schema_locate(const struct field *fields, const struct node *root,
				 const char *path, struct text *ret_path, bool *ret_found);
