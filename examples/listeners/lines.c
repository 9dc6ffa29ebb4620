/* Fires EVENT once for each line of FILE, and prints how every run ended: C with libzmq and cJSON.
 *
 *   cc -o lines lines.c -lzmq -lcjson && ./lines ENDPOINT EVENT FILE
 *
 * FILE may grow. FILE.told keeps how far it is told and the number of the last fact that was read.
 */
#define _GNU_SOURCE
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

static void *context;
static const char *endpoint, *event, *name;
static long long at = 0, last = -1;

static void set(void *socket, int option, int value) { zmq_setsockopt(socket, option, &value, sizeof value); }
static cJSON *get(const cJSON *object, const char *key) { return cJSON_GetObjectItemCaseSensitive(object, key); }
static const char *text(const cJSON *object, const char *key) { char *s = cJSON_GetStringValue(get(object, key)); return s ? s : ""; }
static long long number(const cJSON *object, const char *key) { return cJSON_IsNumber(get(object, key)) ? (long long)get(object, key)->valuedouble : 0; }

/* The last frame of the next message as JSON, NULL when none comes in time. */
static cJSON *receive(void *socket) {
  cJSON *json = NULL;
  zmq_msg_t frame;
  zmq_msg_init(&frame);
  while (zmq_msg_recv(&frame, socket, 0) >= 0)
    if (!zmq_msg_more(&frame)) { json = cJSON_ParseWithLength(zmq_msg_data(&frame), zmq_msg_size(&frame)); break; }
  zmq_msg_close(&frame);
  return json;
}

/* The answer. Until there is one the same body is sent again: its key makes that harmless. */
static cJSON *ask(cJSON *request) {
  char *body = cJSON_PrintUnformatted(request);
  for (cJSON *answer = NULL;; cJSON_Delete(answer)) {
    void *socket = zmq_socket(context, ZMQ_REQ); /* one without an answer cannot be used again */
    set(socket, ZMQ_LINGER, 0);
    set(socket, ZMQ_RCVTIMEO, 1000);
    zmq_connect(socket, endpoint);
    zmq_send(socket, body, strlen(body), 0);
    answer = receive(socket);
    zmq_close(socket);
    if (answer && !(!strcmp(text(answer, "type"), "error") && cJSON_IsTrue(get(answer, "retry")))) {
      free(body);
      cJSON_Delete(request);
      return answer;
    }
    if (answer) usleep(500000); /* busy, a full disk: not now */
  }
}

static cJSON *request(const char *type) { cJSON *object = cJSON_CreateObject(); cJSON_AddStringToObject(object, "type", type); return object; }

static void save(const char *told) {
  FILE *out = fopen(told, "w");
  if (out) { fprintf(out, "%lld %lld\n", at, last); fclose(out); }
}

static void fire(const char *line) {
  char key[201];
  snprintf(key, sizeof key, "%s:%s:%lld", event, name, at);
  cJSON *asked = request("event.fire");
  cJSON_AddStringToObject(asked, "id", key);
  cJSON_AddStringToObject(asked, "key", key);
  cJSON_AddStringToObject(asked, "event", event);
  cJSON_AddStringToObject(cJSON_AddObjectToObject(asked, "payload"), "line", line);
  cJSON *answer = ask(asked);
  if (!strcmp(text(answer, "type"), "error")) /* it will never be taken: say so, and go on */
    fprintf(stderr, "%s:%lld: %s: %s\n", name, at, text(answer, "code"), text(answer, "detail"));
  cJSON_Delete(answer);
}

static void read_on(void) {
  cJSON *asked = request("event.list"), *fact;
  cJSON_AddStringToObject(asked, "topic", "run/");
  cJSON_AddNumberToObject(asked, "after", (double)last);
  cJSON *page = ask(asked);
  if (!strcmp(text(page, "type"), "error")) {
    fprintf(stderr, "event.list: %s: %s\n", text(page, "code"), text(page, "detail"));
    exit(1);
  }
  cJSON_ArrayForEach(fact, get(page, "events"))
    if (!strcmp(text(fact, "type"), "run.ended"))
      printf("%s %s %s\n", text(fact, "run"), text(fact, "workflow"), text(fact, "state"));
  fflush(stdout);
  last = number(page, "last");
  cJSON_Delete(page);
}

/* A subscription to the events of the principal. */
static void *subscribe(void) {
  cJSON *welcome = ask(request("hello")), *addresses = get(get(welcome, "endpoints"), "events"), *one;
  const char *chosen = cJSON_GetStringValue(cJSON_GetArrayItem(addresses, 0)), *port;
  char address[512];
  cJSON_ArrayForEach(one, addresses) if (!strncmp(one->valuestring, endpoint, 3)) { chosen = one->valuestring; break; }
  snprintf(address, sizeof address, "%s", chosen);
  if ((!strncmp(chosen, "tcp://*:", 8) || !strncmp(chosen, "tcp://0.0.0.0:", 14)) && !strncmp(endpoint, "tcp", 3)) {
    port = strrchr(chosen, ':'); /* the host is the one at which the principal was reached */
    snprintf(address, sizeof address, "%.*s%s", (int)(strrchr(endpoint, ':') - endpoint), endpoint, port);
  }
  cJSON_Delete(welcome);
  void *news = zmq_socket(context, ZMQ_SUB);
  set(news, ZMQ_HEARTBEAT_IVL, 500); /* a connection cut without a word shows */
  set(news, ZMQ_HEARTBEAT_TIMEOUT, 2000);
  set(news, ZMQ_RCVTIMEO, 500);
  zmq_setsockopt(news, ZMQ_SUBSCRIBE, "run/", 4);
  zmq_setsockopt(news, ZMQ_SUBSCRIBE, "stat/", 5); /* repeats the newest number: a lost last message shows, too */
  zmq_connect(news, address);
  return news;
}

int main(int argc, char **argv) {
  if (argc != 4) return fputs("usage: lines ENDPOINT EVENT FILE\n", stderr), 2;
  endpoint = argv[1], event = argv[2], name = argv[3];
  context = zmq_ctx_new();
  char told[4096], *line = NULL;
  size_t room = 0;
  snprintf(told, sizeof told, "%s.told", name);
  FILE *file = fopen(name, "r"), *in = fopen(told, "r");
  if (!file) return perror(name), 1;
  if (in && fscanf(in, "%lld %lld", &at, &last) != 2) at = 0, last = -1;
  if (in) fclose(in);
  void *news = subscribe();
  if (last < 0) {
    cJSON *asked = request("event.list");
    cJSON_AddNumberToObject(asked, "after", -1);
    cJSON *page = ask(asked);
    last = number(page, "newest");
    cJSON_Delete(page);
  }
  for (;;) {
    ssize_t length;
    fseeko(file, at, SEEK_SET);
    while ((length = getline(&line, &room, file)) > 0 && line[length - 1] == '\n') { /* one without end is still being written */
      line[length - 1] = 0;
      fire(line);
      at += length;
      save(told);
    }
    cJSON *message = receive(news); /* the bell; the record is event.list */
    long long newest = get(message, "newest") ? number(message, "newest") : number(message, "seq");
    cJSON_Delete(message);
    while (last < newest) { read_on(); save(told); }
  }
}
