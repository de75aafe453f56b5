/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/rates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/answer.h"

static double number(const json_t *object, const char *member)
{
	double value = json_number_value(json_object_get(object, member));

	return value > 0 ? value : 0;
}

static double number_at(const json_t *object, const char *member, size_t i)
{
	double value = json_number_value(json_array_get(json_object_get(object, member), i));

	return value > 0 ? value : 0;
}

/* The element whose member is that text. */
static const json_t *find(const json_t *array, const char *member, const char *text)
{
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *element = json_array_get(array, i);

		if (text_equal(json_text(element, member), text))
			return element;
	}
	return NULL;
}

static const json_t *find_answer(const json_t *answers, const json_t *like)
{
	for (size_t i = 0; i < json_array_size(answers); i++) {
		const json_t *answer = json_array_get(answers, i);

		if (text_equal(json_text(answer, "node"), json_text(like, "node")) &&
		    text_equal(json_text(answer, "net"), json_text(like, "net")))
			return answer;
	}
	return NULL;
}

static double rate(double before, double now, double seconds)
{
	return now > before && seconds > 0 ? (now - before) / seconds : 0;
}

static void add_to(json_t *row, const char *member, double more)
{
	(void)json_object_set_new(row, member, json_real(number(row, member) + more));
}

/* @before: NULL: it was not there, so nothing is known of its rate. */
static void add_pair(json_t *row, const char *to, const char *member, const json_t *before,
		     const json_t *now, double seconds)
{
	json_t *pair = json_array();

	for (size_t i = 0; i < 2; i++) {
		double more = before ? rate(number_at(before, member, i), number_at(now, member, i),
					    seconds)
				     : 0;

		(void)json_array_append_new(pair, json_real(number_at(row, to, i) + more));
	}
	(void)json_object_set_new(row, to, pair);
}

static void add_sums(json_t *row, const json_t *before, const json_t *now, double seconds)
{
	(void)json_object_set_new(
		row, "live", json_integer((json_int_t)(number(row, "live") + number(now, "live"))));
	add_pair(row, "packetsPerSecond", "packets", before, now, seconds);
	add_pair(row, "bytesPerSecond", "bytes", before, now, seconds);
}

static void add_destinations(json_t *row, const json_t *before, const json_t *now, double seconds)
{
	json_t *rows = json_object_get(row, "destinations");
	const json_t *destinations = json_object_get(now, "destinations");

	for (size_t i = 0; i < json_array_size(destinations); i++) {
		const json_t *destination = json_array_get(destinations, i);
		const char *address = json_text(destination, "address");
		json_t *own = (json_t *)find(rows, "address", address);

		if (!own) {
			own = json_pack("{s:s}", "address", address);
			(void)json_array_append_new(rows, own);
		}
		add_sums(own, find(json_object_get(before, "destinations"), "address", address),
			 destination, seconds);
	}
}

/* The Network's name behind the namespace of its token, with its dots again. */
static void network_of(const char *token, char name[static 256])
{
	const char *behind = strchr(token, '_');

	(void)snprintf(name, 256, "%s", behind ? behind + 1 : token);
	for (char *c = name; *c; c++) {
		if (*c == '_')
			*c = '.';
	}
}

static json_t *row_of(json_t *index, json_t *rows, const char *token, const char *name)
{
	char key[1024], network[256];
	json_t *row;

	(void)snprintf(key, sizeof(key), "%s/%s", token, name);
	row = json_object_get(index, key);
	if (row)
		return row;
	network_of(token, network);
	row = json_pack("{s:s, s:s, s:i, s:i, s:[]}", "network", network, "loadbalancer", name,
			"nodes", 0, "connections", 0, "destinations");
	(void)json_object_set(index, key, row);
	(void)json_array_append_new(rows, row);
	return row;
}

static void add_lb(json_t *row, const json_t *before, const json_t *now, double seconds)
{
	double connections = number(now, "connections");

	(void)json_object_set_new(
		row, "nodes", json_integer(json_integer_value(json_object_get(row, "nodes")) + 1));
	(void)json_object_set_new(
		row, "connections",
		json_integer((json_int_t)(number(row, "connections") + connections)));
	add_to(row, "connectionsPerSecond",
	       before ? rate(number(before, "connections"), connections, seconds) : 0);
	add_sums(row, before, now, seconds);
	add_destinations(row, before, now, seconds);
}

static void add_answer(json_t *index, json_t *rows, const json_t *before, const json_t *now)
{
	const json_t *lbs = json_object_get(now, "loadBalancers");
	const json_t *lbs_before = json_object_get(before, "loadBalancers");
	json_t *by_name = json_object();
	double seconds = (number(now, "atMilliseconds") - number(before, "atMilliseconds")) / 1000;

	for (size_t i = 0; i < json_array_size(lbs_before); i++) {
		json_t *lb = json_array_get(lbs_before, i);

		(void)json_object_set(by_name, json_text(lb, "name"), lb);
	}
	for (size_t i = 0; i < json_array_size(lbs); i++) {
		const json_t *lb = json_array_get(lbs, i);
		const char *name = json_text(lb, "name");

		add_lb(row_of(index, rows, json_text(now, "net"), name),
		       json_object_get(by_name, name), lb, seconds);
	}
	json_decref(by_name);
}

static double activity(const json_t *row)
{
	return number_at(row, "bytesPerSecond", 0) + number_at(row, "bytesPerSecond", 1);
}

static int compare(const void *a, const void *b)
{
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	double left = activity(x), right = activity(y);
	int r = (left < right) - (left > right);

	return r ? r : strcmp(json_text(x, "loadbalancer"), json_text(y, "loadbalancer"));
}

/* Gives a new array; takes `rows`. */
static json_t *sort(json_t *rows)
{
	size_t n = json_array_size(rows);
	json_t **items = calloc(n + 1, sizeof(json_t *));
	json_t *sorted = json_array();

	for (size_t i = 0; items && i < n; i++)
		items[i] = json_array_get(rows, i);
	if (items && n > 0)
		qsort(items, n, sizeof(json_t *), compare);
	for (size_t i = 0; items && i < n; i++)
		(void)json_array_append(sorted, items[i]);
	free(items);
	json_decref(rows);
	return sorted;
}

json_t *rates_of(const json_t *before, const json_t *now)
{
	json_t *index = json_object(), *rows = json_array();

	for (size_t i = 0; i < json_array_size(now); i++) {
		const json_t *answer = json_array_get(now, i);

		add_answer(index, rows, find_answer(before, answer), answer);
	}
	json_decref(index);
	return sort(rows);
}
