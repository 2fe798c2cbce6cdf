// Written by `make reference` from the routes of the gateway; changes belong there.

export interface Operations {
  "GET /v1/browser-sessions/current": { path: {}; query: {}; body: undefined; answer: BrowserSession };
  "POST /v1/browser-sessions": { path: {}; query: {}; body: BrowserCredentials; answer: BrowserSession };
  "DELETE /v1/browser-sessions/current": { path: {}; query: {}; body: undefined; answer: undefined };
  "POST /v1/sign-in-codes": { path: {}; query: {}; body: CodeWish; answer: CodeRequested };
  "GET /v1/me": { path: {}; query: {}; body: undefined; answer: Account };
  "PATCH /v1/me": { path: {}; query: {}; body: ProfileChange; answer: Account };
  "DELETE /v1/me": { path: {}; query: {}; body: undefined; answer: undefined };
  "GET /v1/me/export": { path: {}; query: {}; body: undefined; answer: AccountExport };
  "GET /v1/me/invitations": { path: {}; query: {}; body: undefined; answer: ReceivedInvitations };
  "POST /v1/me/invitations/{organisation_id}/acceptance": { path: { organisation_id: string }; query: {}; body: undefined; answer: OrganisationView };
  "DELETE /v1/me/invitations/{organisation_id}": { path: { organisation_id: string }; query: {}; body: undefined; answer: undefined };
  "GET /v1/me/vehicles": { path: {}; query: {}; body: undefined; answer: Vehicles };
  "POST /v1/me/vehicles": { path: {}; query: {}; body: VehicleBody; answer: Vehicle };
  "DELETE /v1/me/vehicles/{vehicle_id}": { path: { vehicle_id: string }; query: {}; body: undefined; answer: undefined };
  "GET /v1/me/sessions": { path: {}; query: {}; body: undefined; answer: Sessions };
  "DELETE /v1/me/sessions": { path: {}; query: {}; body: undefined; answer: undefined };
  "GET /v1/me/notification-choices": { path: {}; query: {}; body: undefined; answer: Choices };
  "PUT /v1/me/notification-choices": { path: {}; query: {}; body: ChoicesBody; answer: Choices };
  "GET /v1/me/payment-methods": { path: {}; query: {}; body: undefined; answer: SavedMethods };
  "DELETE /v1/me/payment-methods/{method_id}": { path: { method_id: string }; query: {}; body: undefined; answer: undefined };
  "GET /v1/places": { path: {}; query: { q: string; lat?: number | null; lon?: number | null; limit?: number }; body: undefined; answer: Places };
  "GET /v1/stations": { path: {}; query: { lat?: number | null; lon?: number | null; radius?: number; box?: string | null; connector?: string | null; min_power_kw?: number | null; current?: "AC" | "DC" | null; accessible?: boolean; open_now?: boolean; free?: boolean; from?: string | null; to?: string | null; max_price?: number | null; sort?: "distance" | "price" | "start"; bookable?: boolean; limit?: number; cursor?: string | null }; body: undefined; answer: FoundStations };
  "GET /v1/stations/{station_id}": { path: { station_id: string }; query: {}; body: undefined; answer: StationView };
  "GET /v1/stations/{station_id}/slots": { path: { station_id: string }; query: { day: string; minutes: number; charger_id?: string | null; after?: string | null }; body: undefined; answer: DaySlots };
  "GET /v1/stickers/{code}": { path: { code: string }; query: {}; body: undefined; answer: StickerView };
  "POST /v1/quotes": { path: {}; query: {}; body: QuoteBody; answer: SignedQuote };
  "POST /v1/reservations": { path: {}; query: {}; body: HoldBody; answer: Reservation };
  "GET /v1/reservations": { path: {}; query: { states?: string | null; station?: string | null; from?: string | null; to?: string | null; limit?: number; cursor?: string | null }; body: undefined; answer: Reservations };
  "GET /v1/reservations/{reservation_id}": { path: { reservation_id: string }; query: {}; body: undefined; answer: ReservationDetails };
  "GET /v1/reservations/{reservation_id}/trace": { path: { reservation_id: string }; query: {}; body: undefined; answer: Trace };
  "POST /v1/reservations/{reservation_id}/hold": { path: { reservation_id: string }; query: {}; body: undefined; answer: Reservation };
  "POST /v1/reservations/{reservation_id}/payment": { path: { reservation_id: string }; query: {}; body: PaymentBody; answer: PaymentOutcome };
  "POST /v1/reservations/{reservation_id}/check-in": { path: { reservation_id: string }; query: {}; body: CheckInBody; answer: Reservation };
  "POST /v1/reservations/{reservation_id}/completion": { path: { reservation_id: string }; query: {}; body: undefined; answer: Reservation };
  "POST /v1/reservations/{reservation_id}/cancellation": { path: { reservation_id: string }; query: {}; body: CancellationBody; answer: Cancellation };
  "GET /v1/payment-provider": { path: {}; query: {}; body: undefined; answer: ProviderView };
  "GET /v1/payments/{payment_id}": { path: { payment_id: string }; query: {}; body: undefined; answer: Payment };
  "GET /v1/payments/{payment_id}/receipt": { path: { payment_id: string }; query: { format?: "json" | "pdf" | null; language?: "de" | "en"; receipt_id?: string | null }; body: undefined; answer: ReceiptView };
  "POST /v1/payments/{payment_id}/challenge": { path: { payment_id: string }; query: {}; body: ChallengeBody; answer: Payment };
}

export interface Account {
  user_id: string;
  email: string;
  name: string | null;
  phone: string | null;
  company: string | null;
  vat_id: string | null;
  invoice_address: string | null;
  language: string;
  zone: string;
  units: "imperial" | "metric";
  verified: boolean;
  has_password: boolean;
  admin: boolean;
  organisations: OrganisationView[];
  version: number;
}

export interface AccountExport {
  account: Account;
  created_at: string;
  password_changed_at: string | null;
  sessions: SessionView[];
  vehicles: Vehicle[];
  consents: Consent[];
  invitations: ReceivedInvitation[];
  elsewhere?: string[];
}

export interface BrowserCredentials {
  email?: string | null;
  code?: string | null;
  password?: string | null;
  sample_role?: "admin" | "driver" | "operator" | null;
}

export interface BrowserSession {
  signed_in: boolean;
  user_id?: string | null;
  session_id?: string | null;
}

export interface Cancellation {
  reservation: Reservation;
  fee: Money;
  refund: Money;
}

export interface CancellationBody {
  reason?: string | null;
  max_fee?: number | null;
}

export interface Candidate {
  charger_id: string;
  charger_label: string;
}

export interface ChallengeBody {
  answer: string;
}

export interface Charger {
  charger_id: string;
  label: string;
  connectors: Connector[];
  current: "AC" | "DC";
  accessible: boolean;
  state?: string;
  state_source?: string | null;
  state_at?: string | null;
  tariff?: Tariff | null;
  own?: boolean;
}

export interface ChargerSlots {
  charger_id: string;
  label: string;
  slots: Slot[];
}

export interface CheckInBody {
  label?: string | null;
  code?: string | null;
}

export interface Choice {
  kind: "account_code" | "account_email_changed" | "account_email_code" | "account_invited" | "account_joined" | "account_password_changed" | "account_reset_code" | "payment_challenged" | "payment_failed" | "payment_owed" | "payment_refunded" | "reservation_cancelled" | "reservation_completed" | "reservation_confirmed" | "reservation_soon" | "reservation_tomorrow";
  channel: "email" | "in_app";
  wanted: boolean;
  fixed?: boolean;
}

export interface Choices {
  choices: Choice[];
}

export interface ChoicesBody {
  choices: WishBody[];
}

export interface CodeRequested {
  valid_seconds: number;
}

export interface CodeWish {
  email: string;
  language?: string;
}

export interface Connector {
  standard: string;
  cable?: boolean;
  max_watts?: number | null;
}

export interface Consent {
  purpose: string;
  wording: string;
  given: boolean;
  at: string;
}

export interface DaySlots {
  station_id: string;
  day: string;
  zone: string;
  minutes: number;
  chargers: ChargerSlots[];
  as_of: string;
  next_after?: string | null;
}

export interface EnergyPrice {
  period: Period;
  per_kwh: number;
}

export interface Evidence {
  kind: "driver_act" | "operator_entry";
  charger_label?: string | null;
  code_shown?: boolean;
}

export interface FieldError {
  where: string;
  field: string;
  message: string;
}

export interface FoundStation {
  station_id: string;
  name: string;
  address: string;
  position: Position;
  zone: string;
  status: "bookable" | "listed" | "retired";
  distance_metres: number;
  chargers_total: number;
  chargers_free: number | null;
  max_watts: number | null;
  price: Money | null;
  city?: string;
  district?: string;
  open_now?: boolean;
  accessible?: boolean;
  chargers_free_now?: number | null;
  free_until?: string | null;
  next_free?: Period | null;
}

export interface FoundStations {
  stations: FoundStation[];
  as_of: string;
  next_cursor?: string | null;
  sorted_by?: "distance" | "price" | "start";
}

export interface HoldBody {
  quote: string;
  vehicle_id?: string | null;
}

export interface Hours {
  always?: boolean;
  weekly?: Opening[];
  exceptions?: OpeningException[];
}

export interface KindWish {
  connector?: string | null;
  min_watts?: number | null;
}

export interface LadderStep {
  until_minutes: number;
  kept_percent: number;
}

export interface MethodShown {
  kind: "card" | "credit" | "wallet";
  brand: string;
  last_digits: string;
  expires?: string | null;
}

export interface Money {
  amount: number;
  currency: string;
}

export interface Opening {
  weekday: number;
  start: number;
  end: number;
}

export interface OpeningException {
  day: string;
  start?: number | null;
  end?: number | null;
}

export interface OperationAnswer {
  status: number;
  body?: unknown;
  code?: string | null;
  detail?: string | null;
  details?: Record<string, unknown> | null;
}

export interface OperationView {
  operation_id: string;
  type: string;
  state: "done" | "expired" | "pending" | "running";
  accepted_at: string;
  answer?: OperationAnswer | null;
}

export interface OrganisationView {
  organisation_id: string;
  legal_name: string;
  address: string;
  country: string;
  vat_id: string | null;
  contact_email: string;
  phone: string;
  approved: boolean;
  role?: string | null;
  version?: number;
  register?: string | null;
}

export interface OwnChange {
  what: string;
  reservation?: Reservation | null;
  payment?: Payment | null;
}

export interface Payment {
  payment_id: string;
  version: number;
  state: "authorised" | "authorising" | "captured" | "challenge" | "declined" | "partly_refunded" | "refunded" | "voided";
  reservation_id: string;
  organisation_id: string;
  payer_id: string;
  amount: Money;
  captured: Money;
  refunded: Money;
  challenge_url: string | null;
  valid_until: string | null;
  decline_reason?: string | null;
}

export interface PaymentBody {
  method?: string | null;
  method_id?: string | null;
  save_method?: boolean;
}

export interface PaymentOutcome {
  reservation: Reservation;
  challenge_url?: string | null;
}

export interface Period {
  start: string;
  end: string;
}

export interface PeriodBody {
  start?: string | null;
  end: string;
}

export interface Place {
  kind: "city" | "district" | "postcode" | "station";
  name: string;
  detail: string;
  country: string;
  position: Position;
  radius_metres: number;
  stations: number;
  station_id?: string | null;
}

export interface Places {
  places: Place[];
}

export interface Position {
  latitude: number;
  longitude: number;
}

export interface PriceLine {
  kind: "ENERGY" | "FEE" | "FLAT" | "PARKING_TIME" | "TIME";
  text: string;
  amount: number;
  vat_basis_points: number;
  minutes?: number | null;
  per_hour?: number | null;
  parts?: Period[];
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  instance: string;
  request_id: string;
  errors?: FieldError[] | null;
  operation_id?: string | null;
  details?: Record<string, unknown> | null;
}

export interface ProfileChange {
  name?: string | null;
  phone?: string | null;
  company?: string | null;
  vat_id?: string | null;
  invoice_address?: string | null;
  language?: string;
  zone?: string;
  units?: "imperial" | "metric";
}

export interface ProviderView {
  name: string;
  moves_money: boolean;
  test_methods?: SampleMethod[];
}

export interface Quote {
  quote_id: string;
  station_id: string;
  organisation_id: string;
  charger_id: string;
  charger_label: string;
  station_name: string;
  zone: string;
  period: Period;
  occupied: Period;
  lines: PriceLine[];
  total: Money;
  tariff_version: number;
  terms: Terms;
  valid_until: string;
  energy_per_kwh?: number | null;
  energy_prices?: EnergyPrice[];
  now?: boolean;
  candidates?: Candidate[];
  connector?: string | null;
  min_watts?: number | null;
}

export interface QuoteBody {
  station_id: string;
  charger_id?: string | null;
  connector?: string | null;
  min_power_kw?: number | null;
  period: PeriodBody;
  now?: boolean;
}

export interface Receipt {
  receipt_id: string;
  kind: "credit_note" | "receipt";
  number: string;
  payment_id: string;
  reservation_id: string;
  organisation_id: string;
  payer_id: string;
  issued_at: string;
  moved_at: string;
  seller: Seller;
  agent: string;
  station_name: string | null;
  charger_label: string | null;
  zone: string;
  period: Period | null;
  code: string | null;
  lines: ReceiptLine[];
  vat: VatLine[];
  total: Money;
  refers_to?: string | null;
}

export interface ReceiptLine {
  kind: string;
  text: string;
  amount: number;
  vat_basis_points: number | null;
}

export interface ReceiptView {
  receipt: Receipt;
  credit_notes?: Receipt[];
}

export interface ReceivedInvitation {
  organisation_id: string;
  legal_name: string;
  country: string;
  role: "manager" | "owner" | "viewer";
  invited_at: string;
  expires_at: string;
}

export interface ReceivedInvitations {
  invitations: ReceivedInvitation[];
}

export interface Reservation {
  reservation_id: string;
  version: number;
  state: "active" | "cancelled" | "completed" | "confirmed" | "expired" | "held" | "no_show" | "released";
  station_id: string;
  organisation_id: string;
  charger_id: string;
  charger_label: string;
  station_name: string;
  zone: string;
  driver_id: string;
  vehicle_id: string | null;
  period: Period;
  occupied: Period;
  held_until: string | null;
  total: Money;
  lines: PriceLine[];
  terms: Terms;
  tariff_version: number;
  code: string;
  payment_id: string | null;
  payment_state: string | null;
  fee: Money | null;
  created_at: string;
  changed_at: string;
  checked_in_at?: string | null;
  completed_at?: string | null;
  kind_of?: KindWish | null;
}

export interface ReservationDetails {
  reservation: Reservation;
  story: StoryLine[];
  cancel_fee_now: Money | null;
}

export interface Reservations {
  reservations: Reservation[];
  next_cursor?: string | null;
}

export interface SampleMethod {
  token: string;
  does: "approves" | "challenges" | "declines" | "fails_at_first" | "takes_long";
  words: string;
  answers?: string[];
}

export interface SavedMethod {
  method_id: string;
  shown: MethodShown;
  is_default: boolean;
  created_at: string;
}

export interface SavedMethods {
  methods: SavedMethod[];
}

export interface Seller {
  legal_name: string;
  address: string;
  country: string;
  vat_id?: string | null;
  register?: string | null;
  contact_email?: string | null;
  phone?: string | null;
}

export interface SessionView {
  session_id: string;
  opened_by: string;
  created_at: string;
  refreshed_at: string;
  expires_at: string;
  current: boolean;
}

export interface Sessions {
  sessions: SessionView[];
}

export interface SignedQuote {
  quote: Quote;
  token: string;
}

export interface Slot {
  period: Period;
  free: boolean;
  price: Money | null;
  reason?: "closed" | "not_bookable" | "past" | "taken" | "too_far" | "too_soon" | null;
}

export interface SlotChange {
  station_id: string;
  charger_id: string;
  state: "free" | "taken";
  period: Period;
  occupied: Period;
  held_until: string | null;
}

export interface SlotRule {
  grid?: number;
  shortest?: number;
  longest?: number;
  buffer?: number;
  earliest_notice_days?: number;
  latest_notice?: number;
}

export interface StartOffer {
  period: Period;
  minutes: number;
  price: Money;
  longest?: boolean;
}

export interface StationChange {
  station_id: string;
  what: string;
}

export interface StationView {
  station_id: string;
  organisation_id: string | null;
  name: string;
  address: string;
  city: string;
  postcode: string;
  country: string;
  position: Position;
  zone: string;
  how_to_find: string;
  status: "bookable" | "listed" | "retired";
  hours: Hours;
  rule: SlotRule;
  tariff: Tariff | null;
  terms: Terms | null;
  chargers: Charger[];
  source?: string | null;
  licence?: string | null;
  version?: number;
  district?: string;
}

export interface Step {
  at: string;
  kind: "asked" | "told";
  type: string;
  topic: string;
  partition: number;
  offset: number;
  source: string;
  service: string | null;
  database: string | null;
  milliseconds: number | null;
}

export interface StickerView {
  code: string;
  station_id: string;
  station_name: string;
  address: string;
  city: string;
  zone: string;
  how_to_find: string;
  station_status: "bookable" | "listed" | "retired";
  charger: Charger;
  as_of: string;
  free_now: boolean;
  reason?: "closed" | "in_use" | "not_bookable" | "out_of_order" | "taken" | null;
  free_until?: string | null;
  busy?: Period | null;
  next_free?: Period | null;
  offers?: StartOffer[];
}

export interface StoryLine {
  at: string;
  what: string;
  by: string;
  reason?: string | null;
  evidence?: Evidence | null;
}

export interface Tariff {
  currency: string;
  flat?: number;
  per_hour?: number;
  per_kwh?: number | null;
  vat_basis_points?: number;
  version?: number;
  elements?: TariffElement[];
}

export interface TariffElement {
  weekdays?: number[];
  start?: number | null;
  end?: number | null;
  min_minutes?: number | null;
  max_minutes?: number | null;
  flat?: number | null;
  per_hour?: number | null;
  per_kwh?: number | null;
}

export interface Terms {
  name: string;
  version: number;
  ladder: LadderStep[];
  last_percent: number;
  grace_minutes: number;
  no_show_percent: number;
  early_minutes: number;
  compensation_percent?: number;
}

export interface Told {
  notification_id: string;
  kind: string;
  reservation_id: string | null;
}

export interface Trace {
  reservation_id: string;
  requests: TracedRequest[];
  complete: boolean;
}

export interface TracedRequest {
  trace_id: string;
  steps: Step[];
}

export interface VatLine {
  vat_basis_points: number;
  net: number;
  vat: number;
  gross: number;
}

export interface Vehicle {
  vehicle_id: string;
  name: string;
  connector: string;
  battery_wh: number | null;
  max_ac_watts: number | null;
  max_dc_watts: number | null;
}

export interface VehicleBody {
  name: string;
  connector: string;
  battery_wh?: number | null;
  max_ac_watts?: number | null;
  max_dc_watts?: number | null;
}

export interface Vehicles {
  vehicles: Vehicle[];
}

export interface WishBody {
  kind: "account_code" | "account_email_changed" | "account_email_code" | "account_invited" | "account_joined" | "account_password_changed" | "account_reset_code" | "payment_challenged" | "payment_failed" | "payment_owed" | "payment_refunded" | "reservation_cancelled" | "reservation_completed" | "reservation_confirmed" | "reservation_soon" | "reservation_tomorrow";
  channel: "email" | "in_app";
  wanted: boolean;
}

export const UNUSUAL_DIGITS: Record<string, number> = { BIF: 0, CLP: 0, DJF: 0, GNF: 0, ISK: 0, JPY: 0, KMF: 0, KRW: 0, PYG: 0, RWF: 0, UGX: 0, UYI: 0, VND: 0, VUV: 0, XAF: 0, XOF: 0, XPF: 0, BHD: 3, IQD: 3, JOD: 3, KWD: 3, LYD: 3, OMR: 3, TND: 3, CLF: 4, UYW: 4 };
