-- Which process works on a lane that only one may work on; the others stand by.

create table lease (
    name      text primary key,      -- of the lane
    holder    uuid not null,         -- drawn by a process at its start
    until_at  timestamptz not null   -- by this database's clock; after it anybody may take the lane
);
