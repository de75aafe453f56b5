/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/require.h"
#include "base/text.h"
#include "messages/bus_private.h"

/*
 * Who asks says where the answer goes, and it is published with our rights, which are more than
 * theirs: so it never goes to a subject of ours, the store's or the server's. What the server asks
 * of the reader of a stream is told from that by its subjects.
 */
static const char *reply_of(natsMsg *native)
{
	const char *reply = natsMsg_GetReply(native);

	if (!reply || text_starts(reply, "$JS.ACK.") || text_starts(reply, "$JS.FC."))
		return reply;
	return *reply == '$' || text_starts(reply, "ilb.") ? NULL : reply;
}

struct bus_message bus_message_of(natsMsg *native)
{
	return (struct bus_message){
		.subject = natsMsg_GetSubject(native),
		.reply = reply_of(native),
		.data = natsMsg_GetData(native),
		.len = (size_t)natsMsg_GetDataLength(native),
		.native = native,
	};
}

const char *bus_message_header(const struct bus_message *message, const char *name)
{
	const char *value = NULL;

	if (natsMsgHeader_Get(message->native, name, &value) != NATS_OK)
		return NULL;
	return value;
}

static int native_errno(natsStatus s)
{
	switch ((int)s) { /* of a foreign enum these are all that we tell apart */
	case NATS_OK:
		return 0;
	case NATS_MAX_PAYLOAD:
		return -EMSGSIZE;
	case NATS_CONNECTION_CLOSED:
	case NATS_CONNECTION_DISCONNECTED:
	case NATS_DRAINING:
	case NATS_INSUFFICIENT_BUFFER:
	case NATS_NO_SERVER_SUPPORT: /* for headers: of a server that is not there yet */
		return -ENOTCONN;
	default:
		return -EIO;
	}
}

static natsStatus add_headers(natsMsg *native, const struct bus_header *headers, size_t n_headers)
{
	natsStatus s = NATS_OK;

	for (size_t i = 0; s == NATS_OK && i < n_headers; i++) {
		require(!strpbrk(headers[i].value, "\r\n"));
		s = natsMsgHeader_Add(native, headers[i].name, headers[i].value);
	}
	return s;
}

int bus_publish(struct bus *bus, const char *subject, const char *reply,
		const struct bus_header *headers, size_t n_headers, const void *data, size_t len)
{
	natsMsg *native = NULL;
	natsStatus s;

	if (!bus->up || atomic_load(&bus->gate->state) != GATE_STATE_UP)
		return -ENOTCONN;
	if (len > INT_MAX)
		return -EMSGSIZE;
	s = natsMsg_Create(&native, subject, reply, data, (int)len);
	if (s == NATS_OK)
		s = add_headers(native, headers, n_headers);
	if (s == NATS_OK)
		s = natsConnection_PublishMsg(bus->connection, native);
	natsMsg_Destroy(native);
	return native_errno(s);
}
