#include "base/action.h"

#include "base/wire.h"

void action_put(struct buf *out, const struct action_message *message) {
  wire_put_u8(out, ACTION_VERSION);
  wire_put_u8(out, (uint8_t)message->verb);
  if (message->verb != ACTION_RELOAD && message->verb != ACTION_READY)
    wire_put_slice(out, message->recovery_id);
  switch (message->verb) {
  case ACTION_RUN:
    wire_put_slice(out, message->service);
    wire_put_slice(out, message->action);
    break;
  case ACTION_RELOAD:
    break;
  case ACTION_OUTPUT:
    wire_put_u8(out, message->stream);
    wire_put_slice(out, message->text);
    break;
  case ACTION_READY:
  case ACTION_REFUSED:
    wire_put_slice(out, message->text);
    break;
  case ACTION_ENDED:
    wire_put_u32(out, (uint32_t)message->status);
    wire_put_u8(out, message->timed_out);
    wire_put_i64(out, message->lost_bytes);
    break;
  }
}

static void read_members(struct wire *wire, struct action_message *out) {
  if (out->verb != ACTION_RELOAD && out->verb != ACTION_READY)
    out->recovery_id = wire_get_slice(wire);
  switch (out->verb) {
  case ACTION_RUN:
    out->service = wire_get_slice(wire);
    out->action = wire_get_slice(wire);
    break;
  case ACTION_RELOAD:
    break;
  case ACTION_OUTPUT:
    out->stream = wire_get_u8(wire);
    out->text = wire_get_slice(wire);
    break;
  case ACTION_READY:
  case ACTION_REFUSED:
    out->text = wire_get_slice(wire);
    break;
  case ACTION_ENDED:
    out->status = (int32_t)wire_get_u32(wire);
    out->timed_out = wire_get_u8(wire) != 0;
    out->lost_bytes = wire_get_i64(wire);
    break;
  }
}

int action_read(struct slice packet, struct action_message *out) {
  struct wire wire = wire_read(packet);
  *out = (struct action_message){0};
  uint8_t version = wire_get_u8(&wire), verb = wire_get_u8(&wire);
  if (!wire.failed && version != ACTION_VERSION)
    return BELFRY_EVERSION;
  if (wire.failed || verb < ACTION_RUN || verb > ACTION_ENDED)
    return BELFRY_EPROTO;
  out->verb = (enum action_verb)verb;
  read_members(&wire, out);
  if (out->verb == ACTION_OUTPUT && out->stream != 1 && out->stream != 2)
    return BELFRY_EPROTO;
  return wire.failed || !wire_at_end(&wire) ? BELFRY_EPROTO : BELFRY_OK;
}
