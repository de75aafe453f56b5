/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "messages/bus.h"
#include "tests/support/cmocka.h"
#include "tests/support/nats_server.h"

#define PATIENCE_MS 30000

/* A loop with a bus on it, and what came out of it. */
struct fixture {
	struct nats_server server;
	uv_loop_t loop;
	uv_timer_t deadline;
	struct bus *bus;
	unsigned n_events[BUS_REFUSED + 1];
	char sentence[256];

	size_t n_messages;
	char last[64];
	bool slow; /* each message takes a while */

	size_t n_answers, n_outcomes;
	int outcome;

	struct bus_tail *tail;
	uint64_t next; /* sequence */
	uint64_t n_pending;
};

static void on_event(void *user, enum bus_event event, const char *sentence)
{
	struct fixture *f = user;

	f->n_events[event]++;
	(void)snprintf(f->sentence, sizeof(f->sentence), "%s", sentence);
}

static void on_deadline(uv_timer_t *timer)
{
	(void)timer;
	fail_msg("waited in vain");
}

/* Turns the loop until `condition` holds. */
#define WAIT(f, condition)                                                                        \
	do {                                                                                      \
		assert_int_equal(uv_timer_start(&(f)->deadline, on_deadline, PATIENCE_MS, 0), 0); \
		while (!(condition))                                                              \
			(void)uv_run(&(f)->loop, UV_RUN_ONCE);                                    \
		(void)uv_timer_stop(&(f)->deadline);                                              \
	} while (0)

static void open_bus(struct fixture *f, uint32_t queue)
{
	struct bus_options options = {
		.servers = f->server.url, .name = "test", .queue = queue, .ask_version = true};
	struct error err = {};

	assert_int_equal(uv_loop_init(&f->loop), 0);
	assert_int_equal(uv_timer_init(&f->loop, &f->deadline), 0);
	if (bus_new(&f->loop, &options, on_event, f, &f->bus, &err) < 0)
		fail_msg("%s", err.text);
}

static void close_bus(struct fixture *f)
{
	bus_close(f->bus);
	uv_close((uv_handle_t *)&f->deadline, NULL);
	while (uv_run(&f->loop, UV_RUN_DEFAULT))
		;
	assert_int_equal(uv_loop_close(&f->loop), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	nats_server_init(&f->server);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	nats_server_deinit(&f->server);
	free(f);
	return 0;
}

static void on_message(void *user, const struct bus_message *message)
{
	struct fixture *f = user;

	f->n_messages++;
	(void)snprintf(f->last, sizeof(f->last), "%.*s", (int)message->len, message->data);
	if (f->slow)
		uv_sleep(1);
}

static void say(struct fixture *f, const char *subject, const char *text)
{
	assert_int_equal(bus_publish(f->bus, subject, NULL, NULL, 0, text, strlen(text)), 0);
}

static void test_connects_before_the_server_exists(void **state)
{
	struct fixture *f = *state;
	struct bus_subscription *subscription;

	open_bus(f, 0);
	assert_int_equal(bus_publish(f->bus, "a", NULL, NULL, 0, "x", 1), -ENOTCONN);
	assert_int_equal(bus_subscribe(f->bus, "a.*", NULL, on_message, f, &subscription, NULL), 0);
	for (int i = 0; i < 20; i++)
		(void)uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_false(bus_is_connected(f->bus));
	nats_server_start(&f->server);
	WAIT(f, f->n_events[BUS_CONNECTED]);
	assert_true(bus_is_connected(f->bus));
	say(f, "a.b", "hello");
	WAIT(f, f->n_messages);
	assert_string_equal(f->last, "hello");
	WAIT(f, bus_server_version(f->bus)[0]);
	assert_non_null(strchr(bus_server_version(f->bus), '.'));
	assert_int_equal(f->n_events[BUS_DISCONNECTED], 0);
	close_bus(f);
}

static void test_closes_while_there_is_no_server(void **state)
{
	struct fixture *f = *state;

	open_bus(f, 0);
	close_bus(f);
	assert_int_equal(f->n_events[BUS_CONNECTED], 0);
}

static bool on_reply(void *user, int outcome, const struct bus_message *message)
{
	struct fixture *f = user;

	if (!message) {
		f->n_outcomes++;
		f->outcome = outcome;
		return false;
	}
	assert_int_equal(outcome, 0);
	assert_int_equal(message->len, 3);
	assert_string_equal(bus_message_header(message, "Ilb-Prev"), "11");
	return ++f->n_answers < 2;
}

static void test_subscriptions_stand_again_after_a_restart(void **state)
{
	struct fixture *f = *state;
	struct bus_subscription *before, *during, *gone;

	nats_server_start(&f->server);
	open_bus(f, 0);
	assert_int_equal(bus_subscribe(f->bus, "before", NULL, on_message, f, &before, NULL), 0);
	assert_int_equal(bus_subscribe(f->bus, "gone", NULL, on_message, f, &gone, NULL), 0);
	WAIT(f, f->n_events[BUS_CONNECTED] == 1);
	nats_server_kill(&f->server, SIGKILL);
	WAIT(f, f->n_events[BUS_DISCONNECTED] == 1);
	assert_false(bus_is_connected(f->bus));
	assert_int_equal(bus_publish(f->bus, "a", NULL, NULL, 0, "x", 1), -ENOTCONN);
	bus_unsubscribe(gone);
	assert_int_equal(bus_subscribe(f->bus, "during", NULL, on_message, f, &during, NULL), 0);
	nats_server_start(&f->server);
	WAIT(f, f->n_events[BUS_CONNECTED] == 2);
	say(f, "gone", "nobody");
	say(f, "before", "1");
	say(f, "during", "2");
	WAIT(f, f->n_messages == 2);
	assert_string_equal(f->last, "2");
	/* Not that it is only kept from us: the server knows of nobody. */
	assert_int_equal(bus_ask(f->bus, "gone", NULL, 0, "?", 1, PATIENCE_MS, on_reply, f, NULL),
			 0);
	WAIT(f, f->n_outcomes == 1);
	assert_int_equal(f->outcome, -ENOENT);
	close_bus(f);
}

static void on_question(void *user, const struct bus_message *message)
{
	static const struct bus_header headers[] = {{"Ilb-Rev", "12"}, {"Ilb-Prev", "11"}};
	struct fixture *f = user;
	const char *accept = bus_message_header(message, "Accept");

	assert_non_null(message->reply);
	assert_non_null(accept);
	assert_string_equal(accept, "application/json");
	assert_null(bus_message_header(message, "Ilb-Rev"));
	for (int i = 0; i < 3; i++)
		assert_int_equal(bus_publish(f->bus, message->reply, NULL, headers, 2, "yes", 3),
				 0);
}

static void test_request_gets_its_answers(void **state)
{
	static const struct bus_header accept = {"Accept", "application/json"};
	struct fixture *f = *state;
	struct bus_subscription *subscription;

	nats_server_start(&f->server);
	open_bus(f, 0);
	assert_int_equal(bus_subscribe(f->bus, "q", "queue", on_question, f, &subscription, NULL),
			 0);
	WAIT(f, f->n_events[BUS_CONNECTED]);
	assert_int_equal(bus_ask(f->bus, "q", &accept, 1, "?", 1, PATIENCE_MS, on_reply, f, NULL),
			 0);
	WAIT(f, f->n_answers == 2);
	/* The third answer finds nobody, also when the slot has been taken again. */
	assert_int_equal(bus_ask(f->bus, "q", &accept, 1, "?", 1, PATIENCE_MS, on_reply, f, NULL),
			 0);
	WAIT(f, f->n_answers == 3);
	assert_int_equal(f->n_outcomes, 0);
	close_bus(f);
}

static void test_request_without_an_answer(void **state)
{
	struct fixture *f = *state;
	struct bus_subscription *subscription;
	struct bus_request *request;

	nats_server_start(&f->server);
	open_bus(f, 0);
	assert_int_equal(bus_ask(f->bus, "q", NULL, 0, "?", 1, 10, on_reply, f, NULL), 0);
	assert_int_equal(f->n_outcomes, 0); /* never from inside of bus_ask() */
	WAIT(f, f->n_outcomes == 1);
	assert_int_equal(f->outcome, -ENOTCONN);
	WAIT(f, f->n_events[BUS_CONNECTED]);
	assert_int_equal(bus_ask(f->bus, "q", NULL, 0, "?", 1, PATIENCE_MS, on_reply, f, NULL), 0);
	WAIT(f, f->n_outcomes == 2);
	assert_int_equal(f->outcome, -ENOENT);
	assert_int_equal(bus_subscribe(f->bus, "q", NULL, on_message, f, &subscription, NULL), 0);
	assert_int_equal(bus_ask(f->bus, "q", NULL, 0, "?", 1, 10, on_reply, f, NULL), 0);
	WAIT(f, f->n_outcomes == 3);
	assert_int_equal(f->outcome, -ETIMEDOUT);
	assert_int_equal(bus_ask(f->bus, "q", NULL, 0, "?", 1, PATIENCE_MS, on_reply, f, &request),
			 0);
	bus_cancel(request);
	assert_int_equal(bus_ask(f->bus, "q", NULL, 0, "?", 1, PATIENCE_MS, on_reply, f, NULL), 0);
	nats_server_kill(&f->server, SIGKILL);
	WAIT(f, f->n_outcomes == 4);
	assert_int_equal(f->outcome, -ENOTCONN);
	close_bus(f);
}

static void test_overflow_is_told(void **state)
{
	struct fixture *f = *state;
	struct bus_subscription *subscription;

	nats_server_start(&f->server);
	open_bus(f, 16);
	assert_int_equal(bus_subscribe(f->bus, "flood", NULL, on_message, f, &subscription, NULL),
			 0);
	WAIT(f, f->n_events[BUS_CONNECTED]);
	f->slow = true;
	for (int i = 0; i < 5000; i++)
		say(f, "flood", "x");
	WAIT(f, f->n_events[BUS_LAGGED]);
	f->slow = false;
	WAIT(f, (say(f, "flood", "end"), strcmp(f->last, "end") == 0));
	assert_true(f->n_messages < 5000);
	close_bus(f);
}

static void test_too_large_is_refused(void **state)
{
	struct fixture *f = *state;
	size_t len = 2 << 20;
	auto_free char *bytes = calloc(1, len);

	nats_server_start(&f->server);
	open_bus(f, 0);
	WAIT(f, f->n_events[BUS_CONNECTED]);
	assert_int_equal(bus_publish(f->bus, "a", NULL, NULL, 0, bytes, len), -EMSGSIZE);
	close_bus(f);
}

static void test_bad_options_and_subjects(void **state)
{
	static const char *const bad[] = {"", ".", "a.", ".a", "a..b", "a b", "a\n"};
	struct fixture *f = *state;
	struct bus_options options = {.creds = "/nonexistent"};
	struct bus *bus;
	struct bus_subscription *subscription;
	struct error err = {};

	open_bus(f, 0);
	assert_int_equal(bus_new(&f->loop, &options, on_event, f, &bus, &err), -EINVAL);
	assert_non_null(strstr(err.text, "creds: '/nonexistent' cannot be read"));
	options = (struct bus_options){.nkey = "/nonexistent"};
	assert_int_equal(bus_new(&f->loop, &options, on_event, f, &bus, &err), -EINVAL);
	options = (struct bus_options){.tlscert = "a"};
	assert_int_equal(bus_new(&f->loop, &options, on_event, f, &bus, &err), -EINVAL);
	options = (struct bus_options){.servers = " ,"};
	assert_int_equal(bus_new(&f->loop, &options, on_event, f, &bus, &err), -EINVAL);
	ARRAY_FOREACH(subject, bad, ARRAY_SIZE(bad)) {
		if (bus_subscribe(f->bus, *subject, NULL, on_message, f, &subscription, &err) !=
		    -EINVAL)
			fail_msg("'%s' was taken for a subject", *subject);
	}
	close_bus(f);
}

/* libnats gives a connection up for good after two refused logins. */
static void test_refused_login_is_tried_for_ever(void **state)
{
	struct fixture *f = *state;
	struct bus_subscription *subscription;

	nats_server_start_with(&f->server, "--auth", "secret");
	open_bus(f, 0);
	assert_int_equal(bus_subscribe(f->bus, "a", NULL, on_message, f, &subscription, NULL), 0);
	WAIT(f, f->n_events[BUS_REFUSED] >= 3);
	if (!strcasestr(f->sentence, "authorization"))
		fail_msg("%s", f->sentence);
	assert_int_equal(f->n_events[BUS_CONNECTED], 0);
	nats_server_kill(&f->server, SIGKILL);
	nats_server_start(&f->server);
	WAIT(f, f->n_events[BUS_CONNECTED] == 1);
	nats_server_kill(&f->server, SIGKILL);
	nats_server_start_with(&f->server, "--auth", "secret");
	f->n_events[BUS_REFUSED] = 0;
	WAIT(f, f->n_events[BUS_REFUSED] >= 3);
	nats_server_kill(&f->server, SIGKILL);
	nats_server_start(&f->server);
	WAIT(f, f->n_events[BUS_CONNECTED] == 2);
	say(f, "a", "still here");
	WAIT(f, f->n_messages == 1);
	close_bus(f);
}

static bool on_created(void *user, int outcome, const struct bus_message *message)
{
	struct fixture *f = user;

	assert_int_equal(outcome, 0);
	assert_null(memmem(message->data, message->len, "\"error\"", 7));
	f->n_answers++;
	return false;
}

static void create_stream(struct fixture *f)
{
	static const char config[] = "{\"name\":\"S\",\"subjects\":[\"s.>\"],\"storage\":\"file\"}";

	f->n_answers = 0;
	assert_int_equal(bus_ask(f->bus, "$JS.API.STREAM.CREATE.S", NULL, 0, config, strlen(config),
				 PATIENCE_MS, on_created, f, NULL),
			 0);
	WAIT(f, f->n_answers == 1);
}

/* Stores records whose text is their sequence, and waits for each acknowledgement. */
static void store(struct fixture *f, uint64_t first, uint64_t last)
{
	f->n_answers = 0;
	for (uint64_t i = first; i <= last; i++) {
		char text[24];

		(void)snprintf(text, sizeof(text), "%" PRIu64, i);
		assert_int_equal(bus_ask(f->bus, "s.x", NULL, 0, text, strlen(text), PATIENCE_MS,
					 on_created, f, NULL),
				 0);
	}
	WAIT(f, f->n_answers == last - first + 1);
}

static void on_record(void *user, const struct bus_message *message, uint64_t sequence,
		      uint64_t n_pending)
{
	struct fixture *f = user;
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64, sequence);
	if (sequence != f->next || strlen(text) != message->len ||
	    memcmp(text, message->data, message->len) != 0)
		fail_msg("expected %" PRIu64 ", got %" PRIu64, f->next, sequence);
	assert_string_equal(message->subject, "s.x");
	f->next++;
	f->n_pending = n_pending;
}

static void test_tail_over_restarts(void **state)
{
	struct fixture *f = *state;

	nats_server_start(&f->server);
	open_bus(f, 0);
	f->next = 1;
	f->n_pending = 1;
	/* Before there is a connection, and before there is a stream. */
	assert_int_equal(bus_tail(f->bus, "S", 1, on_record, f, &f->tail), 0);
	WAIT(f, f->n_events[BUS_CONNECTED] == 1);
	create_stream(f);
	store(f, 1, 500);
	WAIT(f, f->next == 501);
	assert_int_equal(f->n_pending, 0);
	for (uint64_t round = 1; round <= 3; round++) {
		nats_server_kill(&f->server, SIGKILL);
		WAIT(f, f->n_events[BUS_DISCONNECTED] == round);
		nats_server_start(&f->server);
		WAIT(f, f->n_events[BUS_CONNECTED] == round + 1);
		store(f, round * 500 + 1, round * 500 + 500);
		WAIT(f, f->next == round * 500 + 501);
	}
	assert_int_equal(f->n_pending, 0);
	bus_tail_stop(f->tail);
	close_bus(f);
}

static void on_record_then_stop(void *user, const struct bus_message *message, uint64_t sequence,
				uint64_t n_pending)
{
	struct fixture *f = user;

	on_record(user, message, sequence, n_pending);
	if (sequence == 20)
		bus_tail_stop(TAKE(f->tail));
}

static void test_tail_from_the_middle_and_stopped_inside(void **state)
{
	struct fixture *f = *state;

	nats_server_start(&f->server);
	open_bus(f, 0);
	WAIT(f, f->n_events[BUS_CONNECTED] == 1);
	create_stream(f);
	store(f, 1, 30);
	f->next = 11;
	assert_int_equal(bus_tail(f->bus, "S", 11, on_record_then_stop, f, &f->tail), 0);
	WAIT(f, f->next == 21);
	assert_int_equal(f->n_pending, 10);
	store(f, 31, 32);
	assert_int_equal(f->next, 21);
	close_bus(f);
}

/* The queue holds far fewer than are stored: what is dropped is fetched again. */
static void test_tail_loses_nothing_by_overflow(void **state)
{
	struct fixture *f = *state;

	nats_server_start(&f->server);
	open_bus(f, 8);
	WAIT(f, f->n_events[BUS_CONNECTED] == 1);
	create_stream(f);
	for (uint64_t i = 1; i <= 40; i += 4)
		store(f, i, i + 3);
	f->next = 1;
	assert_int_equal(bus_tail(f->bus, "S", 0, on_record, f, &f->tail), 0);
	WAIT(f, f->next == 41);
	close_bus(f); /* stops the tail, too */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_connects_before_the_server_exists),
		TEST(test_closes_while_there_is_no_server),
		TEST(test_subscriptions_stand_again_after_a_restart),
		TEST(test_request_gets_its_answers),
		TEST(test_request_without_an_answer),
		TEST(test_overflow_is_told),
		TEST(test_too_large_is_refused),
		TEST(test_bad_options_and_subjects),
		TEST(test_refused_login_is_tried_for_ever),
		TEST(test_tail_over_restarts),
		TEST(test_tail_from_the_middle_and_stopped_inside),
		TEST(test_tail_loses_nothing_by_overflow),
	};
#undef TEST

	if (!nats_server_is_installed()) {
		puts("skipped: nats-server is not installed");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
