/*
 * The handlers of routes.def and the tables of their input. Each resource is one file, api_X.c.
 */
#ifndef BELFRY_FCGI_API_H
#define BELFRY_FCGI_API_H

#include "fcgi/field.h"
#include "fcgi/request.h"
#include "fcgi/response.h"
#include "fcgi/worker.h"

/* Fills the answer. What the route's row asks for has been checked before. */
typedef void (*api_fn)(struct worker *worker, const struct request *request,
                       struct response *response);

#define ROUTE(method, path, access, query, body, answer, deadline, handler, summary)               \
  void handler(struct worker *worker, const struct request *request, struct response *response);
#include "fcgi/routes.def"
#undef ROUTE

extern const struct field api_events_query[];
extern const struct field api_logs_query[];
extern const struct field api_logs_delete_query[];
extern const struct field api_logs_post_query[];
extern const struct field api_logs_histogram_query[];
extern const struct field api_metrics_query[];
extern const struct field api_history_query[];
extern const struct field api_health_check_fields[];
extern const struct field api_services_pause_fields[];
extern const struct field api_incidents_query[];
extern const struct field api_alerts_query[];
extern const struct field api_alerts_ack_fields[];
extern const struct field api_silences_query[];
extern const struct field api_silences_fields[];
extern const struct field api_recoveries_query[];
extern const struct field api_recovery_fields[];
extern const struct field api_agents_query[];
extern const struct field api_sessions_query[];
extern const struct field api_sessions_terminate_fields[];
extern const struct field api_opportunities_query[];
extern const struct field api_keys_fields[];
extern const struct field api_keys_query[];
extern const struct field api_keys_rotate_query[];
extern const struct field api_users_fields[];
extern const struct field api_users_patch_fields[];
extern const struct field api_users_query[];
extern const struct field api_me_password_fields[];
extern const struct field api_login_fields[];

#endif
