#!/bin/sh
# Everything that must be there before a part starts; repeating it changes nothing.
set -eu

echo "Keys: one private set for each part, the public halves for all"
evslot keys /keys/all
for part in gateway user station reservation payment notification; do
  # Beside and renamed, so that a part never reads half a file.
  for file in "$part.json" public.jwks.json; do
    cp -p "/keys/all/$file" "/keys/$part/$file.new"
    mv "/keys/$part/$file.new" "/keys/$part/$file"
  done
done

echo "Databases: migrated by their owners"
evslot migrate

echo "Topics"
evslot topics
