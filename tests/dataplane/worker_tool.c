/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_tool NODE NETNS-DIR: drives dataplane/worker from standard input, for tests with packets.
 *
 *	open NET
 *	close NET
 *	count NET all|lbs
 *	apply NET REVISION snapshot|change
 *		lb                      lines of tests/support/some_lb.h up to "end"
 *		...
 *		end
 *		removed NUMBER
 *		go
 *	die NUMBER      before the NUMBER-th message to the kernel from now on, as by kill -9
 *
 * Each report becomes a line of JSON on standard output. The uid of a LoadBalancer is its number.
 */
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/array.h"
#include "base/text.h"
#include "dataplane/worker.h"
#include "tests/support/some_lb.h"

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "worker_tool: %s\n", what);
	exit(1);
}

/* Messages to the kernel that are left to live for; 0: no end. */
static atomic_uint n_messages_left;

/*
 * In front of the C library's: nftables, conntrack, links and routes all reach the kernel through
 * these two. The kernel has done what a netlink message says when the call returns, so dying before
 * a message is dying after the one before it.
 */
static void count_message(void)
{
	unsigned left = n_messages_left;

	if (left == 0)
		return;
	if (left == 1)
		(void)kill(getpid(), SIGKILL);
	n_messages_left = left - 1;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	ssize_t (*next)(int, const struct msghdr *, int) =
		(ssize_t(*)(int, const struct msghdr *, int))dlsym(RTLD_NEXT, "sendmsg");

	count_message();
	return next(fd, message, flags);
}

ssize_t sendto(int fd, const void *bytes, size_t n_bytes, int flags, const struct sockaddr *to,
	       socklen_t to_len)
{
	ssize_t (*next)(int, const void *, size_t, int, const struct sockaddr *, socklen_t) =
		(ssize_t(*)(int, const void *, size_t, int, const struct sockaddr *,
			    socklen_t))dlsym(RTLD_NEXT, "sendto");

	count_message();
	return next(fd, bytes, n_bytes, flags, to, to_len);
}

static struct uuid uid_of(uint32_t number)
{
	struct uuid uid = {};

	uid.bytes[0] = 1;
	memcpy(uid.bytes + 1, &number, sizeof(number));
	return uid;
}

static uint32_t number_of(const struct uuid *uid)
{
	uint32_t number;

	memcpy(&number, uid->bytes + 1, sizeof(number));
	return number;
}

static void wake(void *user)
{
	(void)eventfd_write(*(int *)user, 1);
}

static const char *outcome_name(enum worker_outcome outcome)
{
	switch (outcome) {
	case WORKER_OPENED:
		return "opened";
	case WORKER_FAILED:
		return "failed";
	case WORKER_APPLIED:
		return "applied";
	case WORKER_CHANGED:
		return "changed";
	case WORKER_LINKS:
		return "links";
	case WORKER_CLOSED:
		return "closed";
	case WORKER_COUNTED:
		return "counted";
	}
	return "?";
}

static json_t *status_json(const struct status *status)
{
	json_t *addresses = json_array(), *refusals = json_object(), *conditions = json_object();
	char text[ADDRESS_TEXT_MAX], number[16];

	for (size_t i = 0; i < status->n_addresses; i++)
		json_array_append_new(addresses,
				      json_string(address_format(&status->addresses[i], text)));
	for (size_t i = 0; i < status->n_refusals; i++) {
		(void)snprintf(number, sizeof(number), "%" PRIu32,
			       number_of(&status->refusals[i].uid));
		json_object_set_new(refusals, number, json_string(status->refusals[i].sentence));
	}
	for (size_t i = 0; i < status->n_conditions; i++)
		json_object_set_new(conditions, status->conditions[i].reason,
				    json_string(status->conditions[i].sentence));
	return json_pack("{s:I, s:I, s:o, s:o, s:o}", "revision", (json_int_t)status->revision,
			 "n_refused", (json_int_t)status->n_refused, "addresses", addresses,
			 "refusals", refusals, "conditions", conditions);
}

static json_t *sums_json(const struct traffic_sum *sums)
{
	return json_pack("[{s:I, s:I}, {s:I, s:I}]", "packets", (json_int_t)sums[0].packets,
			 "bytes", (json_int_t)sums[0].bytes, "packets", (json_int_t)sums[1].packets,
			 "bytes", (json_int_t)sums[1].bytes);
}

static json_t *lb_json(const struct traffic_lb *lb)
{
	json_t *destinations = json_object();
	char text[ADDRESS_TEXT_MAX];

	ARRAY_FOREACH(destination, lb->destinations, lb->n_destinations)
		json_object_set_new(destinations, address_format(&destination->address, text),
				    json_pack("{s:I, s:o}", "live", (json_int_t)destination->live,
					      "sums", sums_json(destination->sums)));
	return json_pack("{s:I, s:I, s:o, s:o}", "connections", (json_int_t)lb->connections, "live",
			 (json_int_t)lb->live, "sums", sums_json(lb->sums), "destinations",
			 destinations);
}

/* The Network's, {"lbs": {NAME: ...}}; of one Network. */
static json_t *count_json(const struct worker_count *count)
{
	const struct traffic *traffic = count->n_networks ? count->networks[0] : NULL;
	json_t *lbs = json_object();

	for (size_t i = 0; traffic && i < traffic->n_lbs; i++)
		json_object_set_new(lbs, traffic->lbs[i].name, lb_json(&traffic->lbs[i]));
	return json_pack("{s:o, s:I, s:b, s:b, s:I}", "lbs", lbs, "networks",
			 (json_int_t)count->n_networks, "offloads", traffic && traffic->offloads,
			 "has_sums", traffic && traffic->has_sums, "missed",
			 (json_int_t)(traffic ? traffic->n_missed : 0));
}

static void print_reports(struct worker *worker)
{
	struct worker_report *report;

	while ((report = worker_take_report(worker))) {
		json_t *json =
			json_pack("{s:s*, s:s, s:s}", "net", report->net, "outcome",
				  outcome_name(report->outcome), "sentence", report->sentence);

		if (report->status)
			json_object_set_new(json, "status", status_json(report->status));
		if (report->count)
			json_object_set_new(json, "count", count_json(report->count));
		(void)json_dumpf(json, stdout, JSON_COMPACT);
		(void)putchar('\n');
		json_decref(json);
		worker_report_free(report);
	}
	(void)fflush(stdout);
}

/* Lines up to `end`, which is not part of them. */
static void read_block(const char *end, struct text *text)
{
	char line[4096];

	while (fgets(line, sizeof(line), stdin)) {
		if (strcmp(line, end) == 0)
			return;
		text_add(text, line);
	}
	die("the input ends in the middle");
}

static void read_lb(struct desired *desired)
{
	auto_call(text_deinit) struct text text = {};
	struct desired_lb **lb = ARRAY_ADD(desired->lbs, desired->n_lbs);

	read_block("end\n", &text);
	if (!lb || text.failed)
		die("out of memory");
	*lb = some_lb_parse(text.bytes);
	(*lb)->uid = uid_of((*lb)->number);
}

static void read_removed(struct desired *desired, const char *number)
{
	struct uuid *uid = ARRAY_ADD(desired->removed, desired->n_removed);
	uint64_t value;

	if (!uid || text_parse_u64(number, UINT32_MAX, &value) < 0)
		die("not a number");
	*uid = uid_of((uint32_t)value);
}

static struct desired *read_desired(const char *net, const char *revision, const char *kind)
{
	struct desired *desired = calloc(1, sizeof(*desired));
	char line[4096];

	if (!desired || text_parse_u64(revision, UINT64_MAX, &desired->revision) < 0)
		die("not a revision");
	desired->net = strdup(net);
	desired->snapshot = strcmp(kind, "snapshot") == 0;
	desired->part = desired->n_parts = 1;
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (strcmp(line, "go") == 0)
			return desired;
		if (strcmp(line, "lb") == 0)
			read_lb(desired);
		else if (text_starts(line, "removed "))
			read_removed(desired, line + strlen("removed "));
		else
			die(line);
	}
	die("the input ends in the middle");
}

static void set_end(const char *number)
{
	uint64_t value;

	if (text_parse_u64(number, 100000, &value) < 0)
		die("not a number");
	n_messages_left = (unsigned)value;
}

static void obey(struct worker *worker, char *line)
{
	char *verb = strtok(line, " \n"), *net = strtok(NULL, " \n");
	char *revision = strtok(NULL, " \n"), *kind = strtok(NULL, " \n");
	int r = -EINVAL;

	if (!verb || !net)
		die("a command needs a Network");
	if (strcmp(verb, "die") == 0) {
		set_end(net);
		return;
	}
	if (strcmp(verb, "open") == 0)
		r = worker_open(worker, net);
	else if (strcmp(verb, "count") == 0 && revision)
		r = worker_count(worker, net, strcmp(revision, "all") == 0, 0);
	else if (strcmp(verb, "close") == 0)
		r = worker_close(worker, net);
	else if (strcmp(verb, "apply") == 0 && kind)
		r = worker_apply(worker, read_desired(net, revision, kind));
	if (r < 0)
		die(verb);
}

int main(int argc, char **argv)
{
	int wakeup = eventfd(0, EFD_CLOEXEC);
	struct worker_options options = {.wake = wake, .user = &wakeup, .account = true};
	struct pollfd fds[] = {{STDIN_FILENO, POLLIN, 0}, {wakeup, POLLIN, 0}};
	auto_call(worker_freep) struct worker *worker = NULL;
	struct error err;
	eventfd_t count;
	char line[4096];

	if (argc != 3)
		die("usage: worker_tool NODE NETNS-DIR");
	options.node = argv[1];
	options.netns_dir = argv[2];
	/* Unbuffered: poll() must see what is left to read. */
	(void)setvbuf(stdin, NULL, _IONBF, 0);
	if (worker_new(&options, &worker, &err) < 0)
		die(err.text);
	for (;;) {
		(void)poll(fds, 2, -1);
		if (fds[1].revents) {
			(void)eventfd_read(wakeup, &count);
			print_reports(worker);
		}
		if (fds[0].revents) {
			if (!fgets(line, sizeof(line), stdin))
				break;
			obey(worker, line);
		}
	}
	return 0;
}
