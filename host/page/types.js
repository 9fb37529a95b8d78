// What the host's answers look like, for the type checker. Times in answers are RFC 3339 texts.

/**
 * @typedef {{ codec: string, width: number, height: number }} StreamInfo
 * @typedef {object} Camera
 * @property {string} name
 * @property {string} [mode]
 * @property {string | null} [time_zone]
 * @property {boolean} configured
 * @property {boolean} connected
 * @property {boolean} recording
 * @property {boolean} stalled
 * @property {boolean} fail_open
 * @property {string | null} [since]
 * @property {string | null} [detail]
 * @property {string | null} [first]
 * @property {string | null} [last]
 * @property {number} bytes
 * @property {{ main: StreamInfo | null, second: StreamInfo | null }} streams
 *
 * @typedef {{ start: string, end: string | null, reason: string }} Gap
 * @typedef {{ epoch: number, start: string, end: string, segments: number, bytes: number }} Recorded
 * @typedef {{ policy: string, start: string, end: string, count: number, id: string, label: string }} Span
 * @typedef {{ id: string, camera?: string, start: string, end: string, label: string }} Pin
 * @typedef {{ kind: string, origin: string, start: string, end: string | null, count: number, sequence: number }} Mark
 * @typedef {object} TimelineAnswer
 * @property {Recorded[]} recorded
 * @property {string[]} growing
 * @property {Gap[]} gaps
 * @property {Span[]} spans
 * @property {Pin[]} pins
 * @property {Mark[]} events
 * @property {{ start: string, step: string, values: number[] } | null} motion
 * @property {string | null} truncated What is before this may lack some.
 *
 * @typedef {{ x: number, y: number, width: number, height: number }} Area
 * @typedef {{ area: Area, label?: string, confidence: number, track?: number }} Region
 * @typedef {object} EventItem
 * @property {number} sequence
 * @property {string} id
 * @property {string} kind
 * @property {string} camera
 * @property {string} origin
 * @property {string} start
 * @property {string | null} end
 * @property {boolean} open
 * @property {number} confidence
 * @property {Region[]} [regions]
 * @property {string[]} [zones]
 * @property {{ key: string, value: Record<string, any> }[]} [attributes]
 * @property {string | null} [correlation]
 *
 * @typedef {object} Notice
 * @property {string} id
 * @property {string} kind
 * @property {"instant" | "begin" | "update" | "end"} phase
 * @property {string} time
 * @property {string} camera
 * @property {string} origin
 * @property {number} confidence
 * @property {number} sequence
 * @property {Region[]} [regions]
 * @property {{ key: string, value: Record<string, any> }[]} [attributes]
 *
 * @typedef {"viewer" | "operator" | "admin"} Role
 * @typedef {{ user: string, role: Role, cameras: string[], open: boolean }} Session
 *
 * @typedef {{ name: string, bytes: number, url: string, from?: string, to?: string, seconds?: number }} ExportFile `from`: its first picture; `to`: the end of its last; `seconds`: how long it plays.
 * @typedef {"gap" | "clock-stepped" | "parameters" | "not-decodable"} Why
 * @typedef {{ start: string, end: string, why: Why, detail: string }} Interruption From the end of what comes before to the start of what follows.
 * @typedef {object} ExportJob
 * @property {string} id
 * @property {string} camera
 * @property {string} from
 * @property {string} to
 * @property {string} [asked]
 * @property {"waiting" | "running" | "done" | "failed" | "cancelled"} state
 * @property {number} done
 * @property {number} total
 * @property {string | null} error
 * @property {ExportFile[]} files
 * @property {Interruption[]} [interruptions]
 *
 * @typedef {object} PluginStatus
 * @property {string} name
 * @property {string} [camera]
 * @property {string} state
 * @property {string} [reason]
 * @property {string} [since]
 * @property {{ id: string, version: string, world: string, digest: string, grants: string[] }} [component]
 * @property {number} calls
 * @property {number} mean_micros
 * @property {number} p50_micros
 * @property {number} p99_micros
 * @property {number} overruns
 * @property {number} faults
 * @property {number} memory_peak_bytes
 *
 * @typedef {{ name: string, path: string, healthy: boolean, free_bytes?: number, bytes: number, detail?: string }} PlaceHealth
 * @typedef {object} Health
 * @property {any[]} cameras
 * @property {{ name: string, camera?: string, healthy: boolean, detail?: string }[]} plugins
 * @property {{ healthy: boolean, free_bytes?: number, detail?: string, places: PlaceHealth[] }} store
 *
 * @typedef {object} CameraPlan
 * @property {string} name
 * @property {number} bytes
 * @property {number} segments
 * @property {number} bytes_a_day
 * @property {number | null} asked_days
 * @property {number | null} sustainable_days
 * @property {string | null} oldest
 * @property {{ expired: number, continuous: number, span: number, pinned: number }} held
 * @typedef {{ at: string, guarded: any, now: any[], cameras: CameraPlan[], stores: any[] }} Plan
 */

export {};
