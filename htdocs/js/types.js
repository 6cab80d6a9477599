/*
 * The shapes that travel between modules. Nothing runs here.
 */

/**
 * @typedef {'debug'|'info'|'success'|'warning'|'error'|'critical'} Severity
 *
 * @typedef {object} BelfryEvent  An event as the API and the push channel show it.
 * @property {number} id
 * @property {string} event
 * @property {Severity} severity
 * @property {string} source
 * @property {string} timestamp
 * @property {string} [event_id]
 * @property {string} [received]
 * @property {Record<string, unknown>} data
 *
 * @typedef {object} Gap  A place in the stream where events are known to be missing.
 * @property {number} from  the first id that is missing
 * @property {number} to    the last one
 * @property {'loading'|'lost'|'gone'} state  being fetched; not fetched; no longer stored
 *
 * @typedef {object} Service
 * @property {string} name
 * @property {'up'|'down'|'degraded'|'unknown'|'paused'} status
 * @property {string|null} [message]
 * @property {number|null} [latency_ms]
 * @property {string|null} [last_check]
 * @property {string|null} [last_change]
 *
 * @typedef {Service & {uptime_percent: Record<string, number|null>, sparkline: (number|null)[], last_change: string, message: string,
 *   pause?: {since: string, until: string|null, by: string, comment: string}}} WatchedService  As /api/services has it.
 *
 * @typedef {object} RecoveryAction
 * @property {string} service
 * @property {string} action
 * @property {string} program
 * @property {string|null} user
 *
 * @typedef {object} Recovery
 * @property {string} recovery_id
 * @property {string} action
 * @property {string} by
 * @property {'running'|'succeeded'|'failed'|'interrupted'|'dry_run'} state
 * @property {string} started
 * @property {string} message
 *
 * @typedef {object} Incident
 * @property {number} id
 * @property {'down'|'degraded'} status
 * @property {string} start
 * @property {string|null} end
 * @property {number} duration_seconds
 * @property {string} cause
 *
 * @typedef {object} DaemonState
 * @property {string} name
 * @property {string} version
 * @property {'up'|'down'} status
 * @property {string} [updated]
 * @property {string} [started]
 *
 * @typedef {Record<string, unknown> & {timestamp?: string}} HostState
 *
 * @typedef {Record<string, unknown> & {refusals?: Record<string, number>, closes?: Record<string, number>}} PushState
 *   What the push daemon counts; the rows are those of lib/model/push_figures.def.
 *
 * @typedef {object} Snapshot  What metrics_update and state carry.
 * @property {Record<string, number|null>} [metrics]
 * @property {number} [active_agents]
 * @property {number} [system_uptime_seconds]
 * @property {number} [connected_clients]
 * @property {{total?: number, by_state?: Record<string, number>, token_usage?: number}} [sessions]
 * @property {HostState} [host]
 * @property {Service[]} [services]
 * @property {DaemonState[]} [daemons]
 *
 * @typedef {object} Alert
 * @property {string} id
 * @property {string} rule
 * @property {Severity} severity
 * @property {Record<string, string>} labels
 * @property {'ok'|'pending'|'firing'|'acknowledged'|'silenced'|'unknown'} state
 * @property {string} since
 * @property {string} message
 * @property {number|null} value
 * @property {string|null} fired
 * @property {string|null} resolved
 * @property {string} silenced_by
 * @property {string|null} notified
 * @property {{at: string, by: string, comment: string}|null} acknowledged
 *
 * @typedef {object} AlertRule
 * @property {string} name
 * @property {string} about
 * @property {Severity} severity
 * @property {Alert['state']} state
 * @property {string|null} evaluated
 * @property {string} error
 *
 * @typedef {object} Silence
 * @property {string} id
 * @property {'active'|'pending'|'expired'} state
 * @property {Record<string, string>} matchers
 * @property {string} start
 * @property {string} end
 * @property {string} comment
 * @property {string} created_by
 *
 * @typedef {object} Channel
 * @property {string} name
 * @property {string} type
 * @property {number} queued
 * @property {string|null} last_success
 * @property {string|null} failing_since
 * @property {string|null} last_error
 *
 * @typedef {object} Alerting  What the page of the alerts has asked for.
 * @property {Alert[]} alerts
 * @property {AlertRule[]} rules
 * @property {Silence[]} silences
 * @property {Channel[]} channels
 * @property {BelfryEvent[]} history  newest first
 *
 * @typedef {object} Me
 * @property {string} [name]
 * @property {string} [role]
 * @property {boolean} signed_in
 * @property {string|null} [expires]
 * @property {string} [version]
 * @property {string} [title]
 *
 * @typedef {object} LinkStatus  How the push connection is.
 * @property {'connecting'|'live'|'waiting'} phase
 * @property {number} since    when it became so; while not live, when it was last live (or the page opened)
 * @property {number} retryAt  when the next attempt is made, 0 if one is under way
 * @property {number} attempts since it was last live
 */

export {};
