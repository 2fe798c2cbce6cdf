/**
 * Every no that a driver can meet: what, why and what now, in at most 25 words a language.
 *
 * The first word says which way leads on, one act away: `again` repeats, `stay` is the field or
 * button in front of them, the others are pages. A test compares the codes with the routes.
 */
export type Way = 'again' | 'stay' | 'times' | 'find' | 'bookings' | 'account' | 'sign-in';

export const refusals: Record<string, [Way, en: string, de: string]> = {
  // The line, and the system as a whole.
  offline: [
    'again',
    'No connection. Nothing typed is lost; try again when you are back on line.',
    'Keine Verbindung. Ihre Eingaben bleiben; versuchen Sie es wieder, sobald Sie online sind.',
  ],
  not_found: ['find', 'There is nothing at this address.', 'An dieser Adresse gibt es nichts.'],
  failed: [
    'again',
    'Something went wrong on our side. Try again in a minute.',
    'Bei uns ist etwas schiefgegangen. Versuchen Sie es in einer Minute noch einmal.',
  ],
  unavailable: [
    'again',
    'This part does not answer right now. Try again in a moment.',
    'Dieser Teil antwortet gerade nicht. Versuchen Sie es gleich noch einmal.',
  ],
  outcome_unknown: [
    'again',
    'We do not know yet whether this went through. Try again: it is never done twice.',
    'Wir wissen noch nicht, ob es geklappt hat. Versuchen Sie es noch einmal: Nichts geschieht doppelt.',
  ],
  busy: [
    'again',
    'Too many people at once; nothing was changed. Try again in a moment.',
    'Gerade sind zu viele da; nichts wurde geändert. Versuchen Sie es gleich noch einmal.',
  ],
  too_late: [
    'again',
    'This arrived too late; nothing was changed. Try again.',
    'Das kam zu spät an; nichts wurde geändert. Versuchen Sie es noch einmal.',
  ],
  rate_limited: [
    'again',
    'That was too often in a short time. Wait a minute, then try again.',
    'Das war zu oft in kurzer Zeit. Warten Sie eine Minute und versuchen Sie es dann wieder.',
  ],
  live_full: [
    'again',
    'Too many pages watch live right now. Close one of yours, or try again in a moment.',
    'Gerade schauen zu viele Seiten live zu. Schließen Sie eine von Ihren oder versuchen Sie es gleich noch einmal.',
  ],

  // What our own requests should never be refused for; an old page may meet one.
  body_missing: ['again', 'This page is out of date. Reload it and try again.', 'Diese Seite ist veraltet. Laden Sie sie neu.'],
  body_too_large: ['stay', 'That is too much text. Shorten it and try again.', 'Das ist zu viel Text. Kürzen Sie ihn.'],
  json_broken: ['again', 'This page is out of date. Reload it and try again.', 'Diese Seite ist veraltet. Laden Sie sie neu.'],
  unknown_field: ['again', 'This page is out of date. Reload it and try again.', 'Diese Seite ist veraltet. Laden Sie sie neu.'],
  offset_required: ['find', 'This time says no zone. Choose it anew.', 'Dieser Zeit fehlt die Zone. Wählen Sie sie neu.'],
  idempotency_key_invalid: ['again', 'This page is out of date. Reload it.', 'Diese Seite ist veraltet. Laden Sie sie neu.'],
  idempotency_key_reused: [
    'again',
    'This was sent before with other contents. Reload the page and try again.',
    'Das wurde schon mit anderem Inhalt gesendet. Laden Sie die Seite neu.',
  ],
  cursor_invalid: ['again', 'This list has changed meanwhile. Load it again.', 'Diese Liste hat sich geändert. Laden Sie sie neu.'],
  field_invalid: [
    'stay',
    'Something you entered is not acceptable. Check it and try again.',
    'Eine Angabe passt so nicht. Prüfen Sie sie und versuchen Sie es noch einmal.',
  ],
  text_invalid: [
    'stay',
    'A text holds a character that cannot be kept. Type it anew.',
    'Ein Text enthält ein Zeichen, das nicht gespeichert werden kann. Tippen Sie ihn neu.',
  ],
  foreign_page: [
    'find',
    'This came from a page of another site. Open evslot itself and do it there.',
    'Das kam von der Seite einer anderen Website. Öffnen Sie evslot selbst.',
  ],

  // Who one is.
  unauthenticated: [
    'sign-in',
    'You are signed out. Sign in again; what you chose is kept.',
    'Sie sind abgemeldet. Melden Sie sich wieder an; Ihre Auswahl bleibt.',
  ],
  token_invalid: [
    'sign-in',
    'You are signed out. Sign in again; what you chose is kept.',
    'Sie sind abgemeldet. Melden Sie sich wieder an; Ihre Auswahl bleibt.',
  ],
  wrong_credentials: [
    'stay',
    'This code is not right, or too old. Look again, or ask for a new one.',
    'Dieser Code stimmt nicht oder ist zu alt. Sehen Sie nach oder fordern Sie einen neuen an.',
  ],
  too_many_attempts: [
    'stay',
    'Too many tries. Wait ten minutes, then ask for a new code.',
    'Zu viele Versuche. Warten Sie zehn Minuten und fordern Sie dann einen neuen Code an.',
  ],
  email_invalid: [
    'stay',
    'This is no e-mail address. Check how it is written.',
    'Das ist keine E-Mail-Adresse. Prüfen Sie die Schreibweise.',
  ],
  drivers_only: [
    'sign-in',
    'Only signed-in drivers can do this. Sign in; what you chose is kept.',
    'Das können nur angemeldete Fahrer. Melden Sie sich an; Ihre Auswahl bleibt.',
  ],
  not_for_api_keys: [
    'sign-in',
    'Only a person can do this. Sign in with your own address.',
    'Das kann nur eine Person. Melden Sie sich mit Ihrer eigenen Adresse an.',
  ],
  user_not_found: ['sign-in', 'There is no such account any more. Sign in anew.', 'Dieses Konto gibt es nicht mehr. Melden Sie sich neu an.'],
  session_too_large: [
    'find',
    'You belong to more organisations than a browser session holds. Leave one, then sign in.',
    'Sie gehören zu mehr Organisationen, als eine Sitzung fasst. Verlassen Sie eine.',
  ],
  sample_accounts_off: ['sign-in', 'There are no sample accounts here. Sign in by mail.', 'Hier gibt es keine Musterkonten. Melden Sie sich per Mail an.'],

  // Looking for a place and a time.
  search_invalid: [
    'find',
    'This search asks for something that cannot be. Begin it anew.',
    'Diese Suche verlangt Unmögliches. Beginnen Sie neu.',
  ],
  period_invalid: [
    'times',
    'The end comes before the start. Choose another time.',
    'Das Ende liegt vor dem Beginn. Wählen Sie eine andere Zeit.',
  ],
  station_not_found: ['find', 'There is no such station. Search for another one.', 'Diese Station gibt es nicht. Suchen Sie eine andere.'],
  charger_not_found: [
    'times',
    'The station has no such charger any more. Choose another one.',
    'Diesen Ladeplatz hat die Station nicht mehr. Wählen Sie einen anderen.',
  ],
  sticker_unknown: [
    'find',
    'We know no charger with this code. Check it on the sticker, or search for the station.',
    'Einen Ladeplatz mit diesem Code kennen wir nicht. Prüfen Sie den Aufkleber oder suchen Sie die Station.',
  ],
  station_closed: [
    'times',
    'The station is closed then. Choose another time.',
    'Dann ist die Station geschlossen. Wählen Sie eine andere Zeit.',
  ],
  station_not_bookable: [
    'find',
    'This station cannot be booked here. Choose another one nearby.',
    'Diese Station ist hier nicht buchbar. Wählen Sie eine andere in der Nähe.',
  ],
  slot_in_past: [
    'times',
    'This start is over. Choose a later one.',
    'Dieser Beginn ist vorbei. Wählen Sie einen späteren.',
  ],
  slot_too_soon: [
    'times',
    'That is too soon to book. Choose a later start.',
    'Das ist zu kurzfristig. Wählen Sie einen späteren Beginn.',
  ],
  slot_too_far: [
    'times',
    'That is further ahead than this station books. Choose an earlier day.',
    'So weit voraus bucht diese Station nicht. Wählen Sie einen früheren Tag.',
  ],
  slot_off_grid: [
    'times',
    'There is no such start here. Choose one of those shown.',
    'Diesen Beginn gibt es hier nicht. Wählen Sie einen der gezeigten.',
  ],
  slot_length_invalid: [
    'times',
    'This station has no slots of that length. Choose another length.',
    'Diese Dauer gibt es hier nicht. Wählen Sie eine andere.',
  ],

  // Taking a slot.
  slot_taken: [
    'times',
    'Somebody was faster: this slot is taken now. Nothing was charged. Choose another start.',
    'Jemand war schneller: Dieser Platz ist jetzt belegt. Nichts wurde abgebucht. Wählen Sie einen anderen Beginn.',
  ],
  quote_outdated: [
    'again',
    'This price has become too old. Get the price of now.',
    'Dieser Preis ist zu alt geworden. Holen Sie den jetzigen.',
  ],
  quote_invalid: [
    'times',
    'This price does not hold any more. Choose the slot again.',
    'Dieser Preis gilt nicht mehr. Wählen Sie den Platz noch einmal.',
  ],
  too_many_holds: [
    'bookings',
    'You hold three slots already. Pay one or give it back in “Bookings”.',
    'Sie halten schon drei Plätze. Bezahlen Sie einen oder geben Sie ihn unter „Buchungen“ zurück.',
  ],
  too_many_bookings: [
    'bookings',
    'You have as many bookings as one driver may have at a time. Use or cancel one first.',
    'Sie haben so viele Buchungen, wie ein Fahrer zugleich haben kann. Nutzen oder stornieren Sie erst eine.',
  ],
  charger_crowded: [
    'times',
    'Another new driver holds this charger that day, unpaid. Take another one, or wait some minutes.',
    'Ein anderer neuer Fahrer hält diesen Ladeplatz an dem Tag, noch unbezahlt. Nehmen Sie einen anderen oder warten Sie kurz.',
  ],
  hold_paused: [
    'times',
    'Two of your holds here lapsed today. Take another charger, or wait half an hour.',
    'Zwei Ihrer Plätze hier sind heute verfallen. Nehmen Sie einen anderen oder warten Sie eine halbe Stunde.',
  ],
  vehicle_busy: [
    'times',
    'Your vehicle is booked elsewhere at this time. Choose another time.',
    'Ihr Fahrzeug ist zu dieser Zeit anderswo gebucht. Wählen Sie eine andere Zeit.',
  ],
  hold_over: [
    'again',
    'The hold is over; the slot may still be free. Hold it again to go on.',
    'Der Platz wird nicht mehr gehalten, ist aber vielleicht noch frei. Halten Sie ihn noch einmal.',
  ],
  not_prolongable: [
    'stay',
    'A hold gets five minutes more only once. Pay before it ends.',
    'Fünf Minuten mehr gibt es nur einmal. Bezahlen Sie, bevor die Zeit um ist.',
  ],

  // Paying.
  payment_refused: [
    'stay',
    'The card was declined, nothing was charged. Try another card; your slot stays held.',
    'Die Karte wurde abgelehnt, nichts wurde abgebucht. Nehmen Sie eine andere; Ihr Platz bleibt gehalten.',
  ],
  payment_declined: [
    'stay',
    'The payment was declined, nothing was charged. Try another card; your slot stays held.',
    'Die Zahlung wurde abgelehnt, nichts wurde abgebucht. Nehmen Sie eine andere Karte; Ihr Platz bleibt gehalten.',
  ],
  payment_running: [
    'again',
    'A payment for this booking is running already. Wait a moment, then look again.',
    'Eine Zahlung für diese Buchung läuft schon. Warten Sie einen Moment und sehen Sie dann nach.',
  ],
  not_payable: [
    'bookings',
    'This booking is not waiting for a payment. See “Bookings” for its state.',
    'Diese Buchung wartet auf keine Zahlung. Ihren Stand sehen Sie unter „Buchungen“.',
  ],
  no_challenge_open: [
    'bookings',
    'Your bank is not waiting for an answer any more. See “Bookings” for what became of it.',
    'Ihre Bank wartet nicht mehr auf eine Antwort. Unter „Buchungen“ sehen Sie, was daraus wurde.',
  ],
  payment_not_found: [
    'bookings',
    'There is no such payment, or it is not yours. See your bookings.',
    'Diese Zahlung gibt es nicht, oder sie ist nicht Ihre. Sehen Sie unter „Buchungen“ nach.',
  ],
  method_not_found: [
    'stay',
    'This card is not kept any more. Choose another one.',
    'Diese Karte ist nicht mehr gespeichert. Wählen Sie eine andere.',
  ],
  receipt_not_found: [
    'again',
    'The receipt is not ready: it comes soon after the money was taken. Try again then.',
    'Der Beleg ist noch nicht da: Er kommt bald nach der Abbuchung. Versuchen Sie es dann noch einmal.',
  ],

  // Coming and going.
  reservation_not_found: [
    'bookings',
    'There is no such booking, or it is not yours. See your bookings.',
    'Diese Buchung gibt es nicht, oder sie ist nicht Ihre. Sehen Sie unter „Buchungen“ nach.',
  ],
  reservation_over: [
    'times',
    'This booking is over. You can book again.',
    'Diese Buchung ist vorbei. Sie können neu buchen.',
  ],
  not_cancellable: [
    'bookings',
    'This booking is over; there is nothing to cancel.',
    'Diese Buchung ist vorbei; es gibt nichts zu stornieren.',
  ],
  cancel_costs_more: [
    'stay',
    'Cancelling costs more by now. Nothing was cancelled; the new sum is on the button.',
    'Stornieren kostet inzwischen mehr. Nichts wurde storniert; die neue Summe steht auf dem Knopf.',
  ],
  not_confirmed: [
    'stay',
    'This booking is not paid yet. Pay it, then check in.',
    'Diese Buchung ist noch nicht bezahlt. Bezahlen Sie, dann checken Sie ein.',
  ],
  not_checked_in: [
    'stay',
    'You have not checked in yet. Check in first, or cancel the booking.',
    'Sie haben noch nicht eingecheckt. Checken Sie erst ein oder stornieren Sie die Buchung.',
  ],
  too_early: [
    'stay',
    'It is too early to check in. Come back a few minutes before the start.',
    'Zum Einchecken ist es zu früh. Kommen Sie wenige Minuten vor dem Beginn wieder.',
  ],
  charger_in_use: [
    'stay',
    'The charger is still taken. You can start at the time you booked.',
    'Der Ladeplatz ist noch belegt. Sie können zur gebuchten Zeit beginnen.',
  ],
  wrong_charger: [
    'bookings',
    'This is not the charger of your booking. Its label stands in your booking.',
    'Das ist nicht der Ladeplatz Ihrer Buchung. Seine Bezeichnung steht in der Buchung.',
  ],
  code_wrong: [
    'stay',
    'This is not the code of the booking. It has six characters; check them.',
    'Das ist nicht der Code der Buchung. Er hat sechs Zeichen; prüfen Sie sie.',
  ],

  traces_off: [
    'stay',
    'What happened behind the scenes is shown in development only.',
    'Was hinter den Kulissen geschah, wird nur bei der Entwicklung gezeigt.',
  ],

  // The account.
  profile_invalid: [
    'stay',
    'Something in your profile is not acceptable. A phone number begins with + and the country.',
    'Eine Angabe im Profil passt nicht. Eine Telefonnummer beginnt mit + und dem Land.',
  ],
  vehicle_invalid: [
    'stay',
    'This vehicle is not complete. Give it a name and a plug.',
    'Dieses Fahrzeug ist nicht vollständig. Geben Sie Namen und Stecker an.',
  ],
  vehicle_not_found: [
    'account',
    'This vehicle is not kept any more. See your account for those that are.',
    'Dieses Fahrzeug ist nicht mehr gespeichert. Ihre Fahrzeuge stehen im Konto.',
  ],
  too_many_vehicles: [
    'stay',
    'You have as many vehicles as one person can. Remove one first.',
    'Mehr Fahrzeuge kann eine Person nicht haben. Entfernen Sie erst eines.',
  ],
  choice_fixed: [
    'stay',
    'Mails that guard your account cannot be switched off. The other choices are yours.',
    'Mails, die Ihr Konto schützen, lassen sich nicht abschalten. Die anderen schon.',
  ],
  choice_unknown: [
    'account',
    'This is not told that way. Choose one of those shown.',
    'Das wird so nicht mitgeteilt. Wählen Sie eine der gezeigten Möglichkeiten.',
  ],
  invitation_not_found: [
    'account',
    'This invitation was answered or taken back, or has run out. See your account for others.',
    'Diese Einladung ist beantwortet, zurückgenommen oder abgelaufen. Andere stehen im Konto.',
  ],
  too_many_organisations: [
    'stay',
    'You belong to as many organisations as one person can. Leave one first.',
    'Mehr Organisationen kann eine Person nicht angehören. Verlassen Sie erst eine.',
  ],
  last_owner: [
    'stay',
    'You are the last owner of an organisation. Name another owner first.',
    'Sie sind der letzte Inhaber einer Organisation. Benennen Sie erst einen anderen.',
  ],
};
