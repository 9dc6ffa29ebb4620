/* Starts a workflow or fires an event, and waits for the end of the runs: CDKTR from C with libzmq.
 *
 *   cc -o trigger trigger.c -lzmq
 *   ./trigger ipc://$HOME/.cdktr/run/principal.sock run.start etl
 *   ./trigger tcp://10.0.0.5:5561 event.fire new-file '{"path":"/data/a.csv"}'
 *
 * Prints the reply; with run.start also the run's state when it has ended. Exits 0 when the principal
 * said yes (and the run completed), 1 when it said no, 69 when nobody answered.
 */
#include <stdio.h>
#include <string.h>
#include <zmq.h>

static char reply[1 << 16];

/* One request on a socket of its own: a REQ that got no answer cannot be used again. */
static int ask(void *context, const char *endpoint, const char *request, int timeout_ms) {
  void *socket = zmq_socket(context, ZMQ_REQ);
  int linger = 0, size;
  zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
  zmq_setsockopt(socket, ZMQ_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
  zmq_connect(socket, endpoint);
  zmq_send(socket, request, strlen(request), 0);
  size = zmq_recv(socket, reply, sizeof reply - 1, 0);
  zmq_close(socket);
  if (size < 0) return 0;
  reply[size < (int)sizeof reply ? size : (int)sizeof reply - 1] = 0;
  puts(reply);
  fflush(stdout);
  return 1;
}

int main(int argc, char **argv) {
  char request[1 << 15], run[64] = "";
  if (argc < 4) {
    fputs("usage: trigger ENDPOINT run.start|event.fire NAME [PAYLOAD]\n", stderr);
    return 2;
  }
  int starts = !strcmp(argv[2], "run.start");
  void *context = zmq_ctx_new();
  snprintf(request, sizeof request, "{\"type\":\"%s\",\"%s\":\"%s\",\"payload\":%s}", argv[2],
           starts ? "workflow" : "event", argv[3], argc > 4 ? argv[4] : "null");
  if (!ask(context, argv[1], request, 5000)) return 69;
  if (strstr(reply, "\"type\":\"error\"")) return 1;
  const char *at = strstr(reply, "\"run\":\"");
  if (!starts || !at || sscanf(at, "\"run\":\"%63[a-z0-9]", run) != 1) return 0;
  do { /* a long poll: answered when the run has ended, or after 20 s as it is then */
    snprintf(request, sizeof request, "{\"type\":\"run.wait\",\"run\":\"%s\",\"wait_s\":20}", run);
    if (!ask(context, argv[1], request, 30000)) return 69;
  } while (strstr(reply, "\"state\":\"RUNNING\"") || strstr(reply, "\"state\":\"PENDING\""));
  zmq_ctx_term(context);
  return strstr(reply, "\"state\":\"COMPLETED\"") ? 0 : 1;
}
