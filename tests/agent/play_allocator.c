/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "base/array.h"
#include "base/require.h"
#include "base/text.h"
#include "messages/bus.h"
#include "messages/codec.h"
#include "messages/subjects.h"

/*
 * Plays the allocator of one Network for tests of the agent: does what standard input says, answers
 * snapshots and syncs from what it was told, calls the roll, and prints what agents say. One line each.
 *
 *	epoch N                              another store, empty, at revision 0
 *	put NAME VIP PORT DESTINATION[,...]  a LoadBalancer, TCP; NAME is one letter
 *	remove NAME
 *	lose                                 the next change is not published
 *	parts N                              snapshots come in that many parts
 *	refuse                               the next question is answered with 503
 *	raw SUBJECT HEX                      publishes these bytes
 *	again                                publishes the last change once more
 *
 * Prints "status NODE revision=R addresses=A,A refused=N conditions=C,C", "alive NODE NET,NET",
 * "snap NODE MIN-REV", "sync NODE fresh|stale".
 */

enum { N_NAMES = 128, INPUT_MAX = 1 << 16 };

struct play {
	uv_loop_t loop;
	uv_pipe_t input;
	struct bus *bus;
	char net[SUBJECT_TOKEN_MAX + 1];
	struct uuid epoch;
	uint64_t revision, previous;
	struct desired_lb *lbs[N_NAMES]; /* by letter */
	uint32_t n_parts;
	bool lose, refuse;
	void *last; /* change published */
	size_t last_len;
	char line[INPUT_MAX];
	size_t line_len;
};

static void must(int r, const char *what)
{
	if (r < 0) {
		fprintf(stderr, "play_allocator: %s: %s\n", what, strerror(-r));
		exit(1);
	}
}

static struct desired *make(const struct play *play)
{
	struct desired *desired = calloc(1, sizeof(*desired));

	require(desired);
	desired->net = strdup(play->net);
	desired->epoch = play->epoch;
	desired->revision = play->revision;
	desired->part = desired->n_parts = 1;
	return desired;
}

static void borrow_lb(struct desired *desired, struct desired_lb *lb)
{
	struct desired_lb **place = ARRAY_ADD(desired->lbs, desired->n_lbs);

	require(place);
	*place = lb;
}

static void send_desired(struct play *play, const char *subject, struct desired *desired, bool keep)
{
	void *bytes;
	size_t len;

	must(desired_pack(desired, &bytes, &len), "pack");
	desired->n_lbs = 0; /* borrowed */
	desired_free(desired);
	must(bus_publish(play->bus, subject, NULL, NULL, 0, bytes, len), subject);
	if (keep) {
		free(play->last);
		play->last = bytes;
		play->last_len = len;
	} else {
		free(bytes);
	}
}

static void publish_change(struct play *play, char name)
{
	char subject[SUBJECT_MAX];
	struct desired *change;

	play->previous = play->revision++;
	if (TAKE(play->lose))
		return;
	change = make(play);
	change->previous = play->previous;
	if (play->lbs[(unsigned char)name]) {
		borrow_lb(change, play->lbs[(unsigned char)name]);
	} else {
		struct uuid *uid = ARRAY_ADD(change->removed, change->n_removed);

		require(uid);
		*uid = (struct uuid){{(uint8_t)name}};
	}
	send_desired(play, subject_state(subject, play->net), change, true);
}

static void put(struct play *play, char name, const char *vip, const char *port, char *destinations)
{
	struct desired_lb *lb = calloc(1, sizeof(*lb));
	uint64_t number;

	require(lb);
	lb->uid = (struct uuid){{(uint8_t)name}};
	require(asprintf(&lb->name, "default/%c", name) > 0);
	lb->generation = play->revision + 1;
	lb->number = (uint32_t)name;
	lb->size_index = 2;
	lb->algorithm = 1;
	must(address_parse(vip, &lb->vips[lb->n_vips++]), vip);
	must(text_parse_u64(port, UINT16_MAX, &number), port);
	struct desired_port *listener = ARRAY_ADD(lb->ports, lb->n_ports);

	*listener = (struct desired_port){PROTOCOL_TCP, (uint16_t)number, (uint16_t)number,
					  (uint16_t)number};
	for (char *one; (one = strsep(&destinations, ","));) {
		struct desired_destination *destination =
			ARRAY_ADD(lb->destinations, lb->n_destinations);

		must(address_parse(one, &destination->address), one);
		destination->weight = 1;
	}
	desired_lb_free(play->lbs[(unsigned char)name]);
	play->lbs[(unsigned char)name] = lb;
	publish_change(play, name);
}

static void drop(struct play *play, char name)
{
	desired_lb_free(TAKE(play->lbs[(unsigned char)name]));
	publish_change(play, name);
}

static void new_epoch(struct play *play, const char *number)
{
	uint64_t value;

	must(text_parse_u64(number, 255, &value), "epoch");
	play->epoch = (struct uuid){{(uint8_t)value}};
	play->revision = 0;
	for (size_t i = 0; i < N_NAMES; i++)
		desired_lb_free(TAKE(play->lbs[i]));
}

static void publish_hex(struct play *play, const char *subject, const char *hex)
{
	uint8_t bytes[4096];
	size_t len = 0;

	for (; hex[0] && hex[1] && len < sizeof(bytes); hex += 2)
		must(sscanf(hex, "%2hhx", &bytes[len++]) == 1 ? 0 : -EINVAL, "hex");
	must(bus_publish(play->bus, subject, NULL, NULL, 0, bytes, len), subject);
}

static void obey(struct play *play, char *line)
{
	char *words[5] = {};
	char subject[SUBJECT_MAX];

	for (size_t i = 0; i < 5; i++)
		words[i] = strsep(&line, " ");
	if (text_equal(words[0], "put") && words[4])
		put(play, words[1][0], words[2], words[3], words[4]);
	else if (text_equal(words[0], "remove") && words[1])
		drop(play, words[1][0]);
	else if (text_equal(words[0], "epoch") && words[1])
		new_epoch(play, words[1]);
	else if (text_equal(words[0], "lose"))
		play->lose = true;
	else if (text_equal(words[0], "refuse"))
		play->refuse = true;
	else if (text_equal(words[0], "parts") && words[1])
		play->n_parts = (uint32_t)(words[1][0] - '0');
	else if (text_equal(words[0], "again"))
		must(bus_publish(play->bus, subject_state(subject, play->net), NULL, NULL, 0,
				 play->last, play->last_len),
		     "again");
	else if (text_equal(words[0], "raw") && words[2])
		publish_hex(play, words[1], words[2]);
	else
		must(-EINVAL, words[0]);
	puts("ok");
}

static void on_input(uv_stream_t *input, ssize_t n, const uv_buf_t *buffer)
{
	struct play *play = input->data;
	char *end;

	(void)buffer;
	if (n < 0)
		exit(0); /* whoever played with us is gone */
	play->line_len += (size_t)n;
	while ((end = memchr(play->line, '\n', play->line_len))) {
		size_t len = (size_t)(end - play->line) + 1;

		*end = '\0';
		obey(play, play->line);
		play->line_len -= len;
		memmove(play->line, play->line + len, play->line_len);
	}
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
	struct play *play = handle->data;

	(void)suggested;
	*ret_buffer = uv_buf_init(play->line + play->line_len,
				  (unsigned)(sizeof(play->line) - play->line_len));
}

static void on_snap(void *user, const struct bus_message *message)
{
	struct play *play = user;
	const char *min_rev = bus_message_header(message, "Ilb-Min-Rev");
	const struct bus_header refusal[] = {{"Nats-Service-Error-Code", "503"},
					     {"Nats-Service-Error", "not yet"}};
	const struct bus_header nothing = {"Ilb-Health", "end"};
	struct subject subject;

	must(subject_parse(message->subject, &subject), message->subject);
	if (bus_message_header(message, "Ilb-Health")) {
		must(bus_publish(play->bus, message->reply, NULL, &nothing, 1, NULL, 0), "health");
		return;
	}
	printf("snap %s %s\n", subject.node, min_rev ? min_rev : "-");
	if (TAKE(play->refuse)) {
		must(bus_publish(play->bus, message->reply, NULL, refusal, 2, NULL, 0), "503");
		return;
	}
	for (uint32_t part = 1; part <= play->n_parts; part++) {
		struct desired *desired = make(play);

		desired->snapshot = true;
		desired->part = part;
		desired->n_parts = play->n_parts;
		for (uint32_t i = part - 1; i < N_NAMES; i += play->n_parts) {
			if (play->lbs[i])
				borrow_lb(desired, play->lbs[i]);
		}
		send_desired(play, message->reply, desired, false);
	}
}

static uint64_t own_digest(const struct play *play)
{
	uint64_t sum = 0, digest;

	for (size_t i = 0; i < N_NAMES; i++) {
		if (play->lbs[i]) {
			must(codec_digest(play->lbs[i], &digest), "digest");
			sum += digest;
		}
	}
	return sum;
}

static void on_sync(void *user, const struct bus_message *message)
{
	struct play *play = user;
	auto_call(sync_freep) struct sync *sync = NULL;
	auto_free void *bytes = NULL;
	struct error err = {};
	size_t len;

	if (sync_unpack(message->data, message->len, &sync, &err) < 0) {
		printf("bad sync: %s\n", err.text);
		return;
	}
	for (size_t i = 0; i < sync->n_nets; i++) {
		struct sync_net *net = &sync->nets[i];

		net->stale = !text_equal(net->net, play->net) ||
			     uuid_compare(&sync->epoch, &play->epoch) != 0 ||
			     net->digest != own_digest(play);
		printf("sync %s %s\n", sync->node, net->stale ? "stale" : "fresh");
	}
	sync->epoch = play->epoch;
	sync->revision = play->revision;
	must(sync_pack(sync, &bytes, &len), "pack sync");
	must(bus_publish(play->bus, message->reply, NULL, NULL, 0, bytes, len), "answer sync");
}

static void on_status(void *user, const struct bus_message *message)
{
	auto_call(status_freep) struct status *status = NULL;
	const char *addresses = bus_message_header(message, "Ilb-Addresses");
	struct error err = {};

	(void)user;
	if (status_unpack(message->data, message->len, &status, &err) < 0) {
		printf("bad status: %s\n", err.text);
		return;
	}
	printf("status %s epoch=%d revision=%" PRIu64 " addresses=[%s] refused=%" PRIu64
	       " digest=%016" PRIx64 " conditions=",
	       status->node, status->epoch.bytes[0], status->revision, addresses ? addresses : "?",
	       status->n_refused, status->digest);
	for (size_t i = 0; i < status->n_conditions; i++)
		printf("%s,", status->conditions[i].reason);
	puts("");
}

static void on_alive(void *user, const struct bus_message *message)
{
	auto_call(alive_freep) struct alive *alive = NULL;

	(void)user;
	must(alive_unpack(message->data, message->len, &alive, NULL), "alive");
	printf("alive %s", alive->node);
	for (size_t i = 0; i < alive->n_nets; i++)
		printf(" %s", alive->nets[i]);
	puts("");
}

static void on_event(void *user, enum bus_event event, const char *sentence)
{
	struct play *play = user;

	(void)sentence;
	if (event == BUS_CONNECTED)
		must(bus_publish(play->bus, SUBJECT_ROLL, NULL, NULL, 0, NULL, 0), "roll");
	printf("bus %s\n", bus_event_name(event));
}

static void subscribe(struct play *play, const char *subject, bus_message_fn *on_message)
{
	struct bus_subscription *subscription;

	must(bus_subscribe(play->bus, subject, NULL, on_message, play, &subscription, NULL),
	     subject);
}

int main(int argc, char *argv[])
{
	static struct play play = {.n_parts = 1};
	char subject[SUBJECT_MAX];
	struct bus_options options = {.name = "play"};

	if (argc != 3) {
		fprintf(stderr, "usage: play_allocator URL NET\n");
		return 2;
	}
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	options.servers = argv[1];
	(void)snprintf(play.net, sizeof(play.net), "%s", argv[2]);
	new_epoch(&play, "1");
	must(uv_loop_init(&play.loop), "loop");
	must(bus_new(&play.loop, &options, on_event, &play, &play.bus, NULL), "bus");
	subscribe(&play, subject_snap(subject, "*", "*"), on_snap);
	subscribe(&play, subject_sync(subject, "*"), on_sync);
	subscribe(&play, subject_status(subject, "*", "*"), on_status);
	subscribe(&play, subject_alive(subject, "*"), on_alive);
	must(uv_pipe_init(&play.loop, &play.input, 0), "pipe");
	play.input.data = &play;
	must(uv_pipe_open(&play.input, STDIN_FILENO), "stdin");
	must(uv_read_start((uv_stream_t *)&play.input, on_alloc, on_input), "stdin");
	(void)uv_run(&play.loop, UV_RUN_DEFAULT);
	return 0;
}
